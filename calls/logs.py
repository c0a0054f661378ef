"""Log lines that carry the CallSid and never a whole telephone number or a word that was said."""

import json
import logging
import re
import traceback
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any

# A number may stand in an address, its plus and spaces escaped (`%2B1%20555…`, and `%252B…` inside another address), or
# in quoted JSON (`\u002b1555…`). An escape ends in a letter or digit, which would otherwise hide the number behind it.
_BEFORE = r"(?:(?<![\w.])\+?|(?<=%2[Bb])|(?<=%252[Bb])|(?<=\\u002[Bb])|(?<=\\x2[Bb]))"
_BETWEEN = r"(?:[\d ().+-]|%(?:25)?2[089BbDdEe])"
_NUMBER = re.compile(rf"{_BEFORE}\d{_BETWEEN}{{5,}}\d{{2}}(?!\w|\.\d)")
_ADDRESS = re.compile(r"[^\s<>\"'(),:;@]+@[^\s<>\"'(),:;@]+")
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def mask(number: str) -> str:
    """The number with only its last two digits left: `+15550100001` → `•••01`. Names such as `anonymous` stay."""
    digits = sum(character.isdigit() for character in number)
    return f"•••{number[-2:]}" if digits > 4 else number


def mask_numbers(text: str) -> str:
    """`text` with everything that looks like a telephone number masked."""
    return _NUMBER.sub(lambda found: mask(found.group()), text)


def mask_contacts(text: str) -> str:
    """`text` with everything that looks like a telephone number or an e-mail address masked."""
    return mask_numbers(_ADDRESS.sub("•••@•••", text))


class CallLogger(logging.LoggerAdapter):  # type: ignore[type-arg]
    """A logger whose lines all name the call: `CallLogger(logger, {"call_sid": …}).info("started", extra={…})`."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **kwargs.get("extra", {})}
        return msg, kwargs


class WithoutTraceback(logging.Filter):
    """For what strangers cause, such as a foreign Host header: one line is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


class LineFormatter(logging.Formatter):
    """One line a record: time, level, logger, message, then the extra fields as key=value with JSON values.

    Of an exception the kinds and the places follow, never the messages: they quote what a caller has said.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        tail = "".join(f" {key}={json.dumps(value, default=str)}" for key, value in fields.items())
        text = json.dumps(record.getMessage())[1:-1] + tail  # no line break that was sent to us forges a line
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return f"{self.formatTime(record)} {record.levelname} {record.name} {mask_numbers(text)}"

    def formatException(self, ei: _ExcInfo) -> str:
        return "\n".join(["Traceback, without messages:", *_told(ei[1])]) if ei[1] else ""


def _told(error: BaseException) -> Iterator[str]:
    """What led to it first, as in a traceback."""
    if earlier := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        yield from _told(earlier)
        yield "then"
    yield from (line.rstrip() for line in traceback.format_tb(error.__traceback__))
    yield type(error).__qualname__
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield "of it"
            yield from _told(part)
