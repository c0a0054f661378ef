"""What a call has left in the database, held against what its scenario expects.

    rows: {Booking: [{status: booked, service__name: Drain cleaning}], Quote: 1, OutgoingEmail: [{purpose: quote}]}

A number is how many rows of the call there are; a list says what stands in each of them, in the order of their making.
A field may be one of a related row, as in a query. Amounts of money and times are compared as they are written.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.db.models import Model

from calls.models import Call

# How a row that does not name its call belongs to one; all others have a `call`.
WAYS = {
    "Call": "pk",
    "CallbackAttempt": "callback__call",
    "Customer": "bookings__call",
    "EmergencyAlert": "emergency__call",
    "QuoteLine": "quote__call",
    "TakenTime": "booking__call",
}


def missing(call: Call, expected: Mapping[str, Any]) -> Iterator[str]:
    """Each way in which the rows are others than expected, as a sentence."""
    for name, wanted in expected.items():
        model = apps.get_model("calls", name)
        found = model._default_manager.filter(**{WAYS.get(name, "call"): call.pk}).distinct().order_by("pk")
        number = wanted if isinstance(wanted, int) else len(wanted)
        if (seen := found.count()) != number:
            yield f"The call left {seen} {_called(model, seen)}, not {number}."
        elif not isinstance(wanted, int):
            for position, fields in enumerate(wanted, start=1):
                values = found.values(*fields)[position - 1]
                yield from (
                    f"{name} {position}: {field} is {_plain(values[field])!r}, not {_plain(value)!r}."
                    for field, value in fields.items()
                    if _plain(values[field]) != _plain(value)
                )


def _called(model: type[Model], number: int) -> str:
    names = model._meta
    return str(names.verbose_name if number == 1 else names.verbose_name_plural)


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int) else str(value)
