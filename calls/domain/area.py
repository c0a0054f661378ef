"""Where a business works: is a place served, and what does the way there cost?

The most particular entry decides. What makes an entry particular is how few postal codes it stands for; a town counts
as ten of them. Of two that are equally particular an exclusion wins, then the higher fee, so that nothing is promised
too cheaply. Where no entry includes anything, everything that is not excluded is served. Where codes are entered, the
name of a town serves no code that none of them covers: there is an Albany in Oregon, too.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from calls.domain.money import ZERO
from calls.models import Business, Call, ServiceArea

CODES_OF_A_TOWN = 10
LENGTH = 5
ALL_CODES = 10**LENGTH
LOWEST_ZIP = 501  # Holtsville, New York; nothing is below it
_ZIP = re.compile(r"([0-9]{5})([0-9]{4})?")
_FOREIGN = re.compile(r"[0-9A-Z]{3,10}")
_SEPARATORS = re.compile(r"[\s.,–—-]+")


class UnknownPlace(Exception):
    """Nothing can be said of this place yet; the text says what to ask the caller for."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether a place is served, and why. `town` is filled when the entry of a town decided, in its own spelling."""

    is_served: bool
    reason: str
    travel_fee: Decimal = ZERO
    postal_code: str = ""
    town: str = ""


def coverage_for_caller(*, call_id: int, postal_code: str, town: str) -> tuple[Coverage, Business]:
    """What `coverage` says for the business that was called."""
    business = Call.objects.select_related("business").get(pk=call_id).business
    if business is None:
        raise UnknownPlace("Nothing is known of the places that are served. Offer to take a message.")
    return coverage(business=business, postal_code=postal_code, town=town), business


def coverage(*, business: Business, postal_code: str = "", town: str = "") -> Coverage:
    """Look a place up by its postal code, its town or both. Raises UnknownPlace with what has to be asked again."""
    code = read_postal_code(postal_code, country=business.country) if postal_code.strip() else ""
    town = " ".join(town.split())
    if not code and not town:
        raise UnknownPlace("Ask for the postal code of the address.")
    entries = list(business.areas.all())
    included = [entry for entry in entries if not entry.is_excluded]
    if entry := most_particular(_believed(entries, included, code), postal_code=code, town=town):
        return _decided_by(entry, code)
    if not included:
        return Coverage(True, "Every place is served.", postal_code=code)
    if not code:
        raise UnknownPlace(f"{town} is not on the list of towns. Ask for the postal code of the address.")
    return Coverage(
        False, f"{spaced(code)} is not served. {_nearest(code, entries, included)}", postal_code=code, town=town
    )


def read_postal_code(text: str, *, country: str) -> str:
    """The code as it is compared: 12207 for "1 2 2 0 7", "12207-1234" and "122071234". Raises UnknownPlace."""
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()
    if country != "US":
        if _FOREIGN.fullmatch(plain):
            return plain
        raise UnknownPlace("That is not a postal code. Ask for it again, one letter or digit at a time.")
    found = _ZIP.fullmatch(plain)
    if found is None:
        raise UnknownPlace("A ZIP code has five digits. Ask for it again, digit by digit.")
    if int(found[1]) < LOWEST_ZIP:
        raise UnknownPlace(f"There is no ZIP code {spaced(found[1])}. Ask for it again, digit by digit.")
    return found[1]


def covers(*, entry: ServiceArea, postal_code: str = "", town: str = "") -> bool:
    """Whether the entry speaks of this place, to include or to exclude it. The code is one from read_postal_code."""
    kinds = ServiceArea.Kind
    if entry.kind == kinds.TOWN:
        return _town(town) != "" and _town(entry.value) == _town(town)
    if not postal_code:
        return False
    first = _entered(entry.value, postal_code)
    if entry.kind == kinds.PREFIX:
        return first != "" and postal_code.startswith(first)
    if entry.kind == kinds.RANGE:
        last = _entered(entry.value_to, postal_code)
        return len(first) == len(last) == len(postal_code) and first <= postal_code <= last
    return first == postal_code


def charges_for_travel(*, business: Business) -> bool:
    return business.areas.filter(is_excluded=False, travel_fee__gt=0).exists()


def spaced(code: str) -> str:
    """As it is read out: "1 2 2 0 7"."""
    return " ".join(code)


def most_particular(entries: Sequence[ServiceArea], *, postal_code: str = "", town: str = "") -> ServiceArea | None:
    """Which of the entries decides of the place; None where they all say nothing of it."""
    matching = [entry for entry in entries if covers(entry=entry, postal_code=postal_code, town=town)]
    return min(matching, key=_rank, default=None)


def _believed(entries: Sequence[ServiceArea], included: Sequence[ServiceArea], code: str) -> Sequence[ServiceArea]:
    """The entries that may decide: towns do not serve a code that no entry of codes covers, where there are any."""
    of_codes = [entry for entry in included if entry.kind != ServiceArea.Kind.TOWN]
    if not code or not of_codes or any(covers(entry=entry, postal_code=code) for entry in of_codes):
        return entries
    return [entry for entry in entries if entry.is_excluded]


def _decided_by(entry: ServiceArea, code: str) -> Coverage:
    town = entry.value if entry.kind == ServiceArea.Kind.TOWN else ""
    place = town or spaced(code)
    if entry.is_excluded:
        return Coverage(False, f"{place} is not served.", postal_code=code, town=town)
    return Coverage(True, f"{place} is served.", entry.travel_fee, postal_code=code, town=town)


def _rank(entry: ServiceArea) -> tuple[int, bool, Decimal, int]:
    return _codes(entry), not entry.is_excluded, -entry.travel_fee, entry.pk


def _codes(entry: ServiceArea) -> int:
    """For how many postal codes the entry stands."""
    kinds = ServiceArea.Kind
    if entry.kind == kinds.TOWN:
        return CODES_OF_A_TOWN
    if entry.kind == kinds.PREFIX:
        return 10 ** max(0, LENGTH - len(_plain(entry.value)))
    if entry.kind == kinds.RANGE:
        first, last = _plain(entry.value)[:LENGTH], _plain(entry.value_to)[:LENGTH]
        return int(last) - int(first) + 1 if first.isdecimal() and last.isdecimal() else ALL_CODES
    return 1


def _nearest(code: str, entries: Sequence[ServiceArea], included: Sequence[ServiceArea]) -> str:
    """What is served instead: the nearest code that an entry names, else the towns."""
    ends = {end for entry in included for end in _ends(entry) if end.isdecimal() and len(end) == LENGTH}
    named = [end for end in ends if not most_particular(entries, postal_code=end).is_excluded]
    if code.isdecimal() and named:
        nearest = min(named, key=lambda end: (abs(int(end) - int(code)), end))
        return f"The nearest code that is served is {spaced(nearest)}."
    prefixes = sorted(_plain(entry.value) for entry in included if entry.kind == ServiceArea.Kind.PREFIX)
    if prefixes:
        return f"Codes that begin with {' or '.join(spaced(prefix) for prefix in prefixes[:3])} are served."
    towns = sorted(entry.value for entry in included if entry.kind == ServiceArea.Kind.TOWN)
    return f"Towns that are served: {', '.join(towns[:5])}." if towns else "No place near it is known to be served."


def _ends(entry: ServiceArea) -> tuple[str, ...]:
    kinds = ServiceArea.Kind
    if entry.kind == kinds.POSTAL_CODE:
        return (_plain(entry.value)[:LENGTH],)
    return (_plain(entry.value)[:LENGTH], _plain(entry.value_to)[:LENGTH]) if entry.kind == kinds.RANGE else ()


def _entered(value: str, code: str) -> str:
    """What somebody typed into an entry, comparable with `code`; the last four digits of a ZIP+4 say nothing here."""
    plain = _plain(value)
    return plain[:LENGTH] if code.isdecimal() and len(code) == LENGTH and plain.isdecimal() else plain


def _plain(value: str) -> str:
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", value)).upper()


def _town(name: str) -> str:
    """Albany, ALBANY and "albany " are one town; so are St. Johnsville and Saint Johnsville."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or name
    words = re.sub(r"[^\w\s]", " ", plain.casefold()).split()
    return " ".join({"st": "saint", "mt": "mount", "ft": "fort"}.get(word, word) for word in words)
