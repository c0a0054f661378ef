"""Checks of JSON values that answer with the vendor's error codes and dotted paths.

A check is a function of (value, path); it returns nothing or raises Refused. The shapes themselves stand in
realtime_events.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Check = Callable[[Any, str], None]


class Refused(Exception):
    """The vendor would answer this event with an `error` event."""

    def __init__(self, code: str | None, message: str, param: str | None = None, *, names_event: bool = True) -> None:
        super().__init__(message)
        self.names_event = names_event
        self.code = code
        self.message = message
        self.param = param

    def body(self, event_id: str | None) -> dict[str, Any]:
        return {
            "type": "invalid_request_error",
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": event_id if self.names_event else None,
        }


def invalid_value(path: str, value: object, supported: Iterable[object]) -> Refused:
    listed = ", ".join(f"'{name}'" for name in supported)
    return Refused("invalid_value", f"Invalid value: '{value}'. Supported values are: {listed}.", path)


def unknown_parameter(path: str) -> Refused:
    return Refused("unknown_parameter", f"Unknown parameter: '{path}'.", path)


def missing_parameter(path: str) -> Refused:
    return Refused("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def invalid_type(path: str, value: object, expected: str) -> Refused:
    message = f"Invalid type for '{path}': expected {expected}, but got {_kind(value)} instead."
    return Refused("invalid_type", message, path)


def _kind(value: object) -> str:
    kinds: Sequence[tuple[type | tuple[type, ...], str]] = (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a decimal"),
        (str, "a string"),
        (list, "an array"),
        (dict, "an object"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def text(value: Any, path: str) -> None:
    if not isinstance(value, str):
        raise invalid_type(path, value, "a string")


def boolean(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise invalid_type(path, value, "a boolean")


def anything(value: Any, path: str) -> None:
    """A value that is passed through, such as a JSON schema."""


def a_mapping(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise invalid_type(path, value, "an object")


def integer(minimum: int, maximum: int) -> Check:
    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid_type(path, value, "an integer")
        _in_range(value, path, minimum, maximum, "integer")

    return check


def decimal(minimum: float, maximum: float) -> Check:
    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise invalid_type(path, value, "a decimal")
        _in_range(value, path, minimum, maximum, "decimal")

    return check


def _in_range(value: float, path: str, minimum: float, maximum: float, kind: str) -> None:
    if value < minimum:
        code, side, bound = f"{kind}_below_min_value", "below minimum", f">= {minimum}"
    elif value > maximum:
        code, side, bound = f"{kind}_above_max_value", "above maximum", f"<= {maximum}"
    else:
        return
    message = f"Invalid '{path}': {kind} {side} value. Expected a value {bound}, but got {value} instead."
    raise Refused(code, message, path)


def one_of(*allowed: object) -> Check:
    def check(value: Any, path: str) -> None:
        if value not in allowed or isinstance(value, bool):
            raise invalid_value(path, value, allowed)

    return check


def nullable(check: Check) -> Check:
    def checked(value: Any, path: str) -> None:
        if value is not None:
            check(value, path)

    return checked


def either(first: Check, kind: type, second: Check) -> Check:
    """`first` for values of `kind`, else `second`."""

    def check(value: Any, path: str) -> None:
        (first if isinstance(value, kind) else second)(value, path)

    return check


def each(check: Check) -> Check:
    def checked(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise invalid_type(path, value, "an array")
        for index, item in enumerate(value):
            check(item, f"{path}[{index}]")

    return checked


def fields(known: Mapping[str, Check], *, required: Iterable[str] = ()) -> Check:
    """An object with these members and no others."""
    required = tuple(required)

    def check(value: Any, path: str) -> None:
        a_mapping(value, path)
        prefix = f"{path}." if path else ""
        for name in value:
            if name not in known:
                raise unknown_parameter(prefix + name)
        for name in required:
            if name not in value:
                raise missing_parameter(prefix + name)
        for name, member in value.items():
            known[name](member, prefix + name)

    return check


def variants(shapes: Mapping[str, Check], *, by: str = "type") -> Check:
    """An object whose member `by` says which shape it has."""

    def check(value: Any, path: str) -> None:
        a_mapping(value, path)
        if by not in value:
            raise missing_parameter(f"{path}.{by}")
        shape = shapes.get(value[by]) if isinstance(value[by], str) else None
        if shape is None:
            raise invalid_value(f"{path}.{by}", value[by], shapes)
        shape(value, path)

    return check
