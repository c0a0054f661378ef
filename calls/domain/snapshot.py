"""What is known of each line without the database: whose it is, and which telephone of a person belongs to it.

A snapshot is taken while the database answers, and is what a caller is answered from while it does not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from calls.domain.handover import dialable
from calls.domain.screening import BLOCKED
from calls.models import ListedNumber, PhoneLine


class Unreadable(ValueError):
    """The text is no snapshot."""


@dataclass(frozen=True, slots=True)
class KnownLine:
    business: str
    handover_number: str = ""
    blocked: frozenset[str] = frozenset()
    """Callers whom nobody answers; known to this process alone, since their numbers are not kept on disk."""


NOBODY = KnownLine("")


@dataclass(frozen=True, slots=True)
class Snapshot:
    lines: Mapping[str, KnownLine] = field(default_factory=dict)

    def line(self, number: str) -> KnownLine:
        return self.lines.get(dialable(number), NOBODY)

    def person(self, *, called: str, default_number: str) -> str:
        """Whose telephone rings for a caller of the line `called`; blank where nobody may be dialed."""
        for text in (self.line(called).handover_number, default_number):
            number = dialable(text)
            if number and number != dialable(called) and number not in self.lines:
                return number
        return ""

    def to_json(self) -> str:
        kept = {
            number: {"business": line.business, "handover_number": line.handover_number}
            for number, line in self.lines.items()
        }
        return json.dumps({"lines": kept}, indent=1)


def take_snapshot() -> Snapshot:
    blocked: dict[int, set[str]] = {}
    for business, number in ListedNumber.objects.filter(treatment=BLOCKED).values_list("business", "number"):
        blocked.setdefault(business, set()).add(number)
    return Snapshot(
        {
            line.number: KnownLine(
                line.business.name, line.business.handover_number, frozenset(blocked.get(line.business_id, ()))
            )
            for line in PhoneLine.objects.select_related("business")
        }
    )


def from_json(text: str) -> Snapshot:
    """The snapshot that was written by `to_json`. Raises Unreadable."""
    try:
        lines = json.loads(text)["lines"]
        known = {
            number: KnownLine(str(line["business"]), str(line["handover_number"])) for number, line in lines.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}") from None
    return Snapshot(known)
