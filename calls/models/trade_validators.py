"""What a person may enter of the trade: postal codes, steps of time, currencies, taxes; each refusal says why."""

import re
from collections.abc import Iterable
from datetime import time

from django.core.exceptions import ValidationError

from calls.models.validators import check_within

UNIT_MINUTES = 5
DAY_MINUTES = 24 * 60
LOWEST_ZIP = 501  # Holtsville, New York; nothing is below it

# Currencies of two decimal places: every amount is kept in cents.
CURRENCIES = (
    *("AED", "AUD", "BGN", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS"),
    *("INR", "MXN", "NOK", "NZD", "PHP", "PLN", "RON", "SEK", "SGD", "THB", "TRY", "USD", "ZAR"),
)

_ZIP = re.compile(r"(\d{5})(?:-?\d{4})?")
_FOREIGN_CODE = re.compile(r"[0-9A-Z][0-9A-Z -]{1,8}[0-9A-Z]")


def check_currency(code: str) -> None:
    if code not in CURRENCIES:
        raise ValidationError(
            "%(code)s is not a currency that prices can be kept in. It has three capital letters and cents, for "
            "example USD, CAD or EUR.",
            code="unknown_currency",
            params={"code": code},
        )


def check_tax(percent: object) -> None:
    check_within(percent, 0, 50, "it is a percentage, 8.25 for eight and a quarter")


def check_budget(dollars: object) -> None:
    if dollars is not None:
        check_within(dollars, 0, 100_000, "0 lets no call through to the agent, blank lets all")


def check_notice(minutes: int) -> None:
    check_within(minutes, 0, 7 * DAY_MINUTES, "0 lets people book at once, 10080 is a week")


def check_horizon(days: int) -> None:
    check_within(days, 1, 365, "with 0 nothing could be booked, and nobody plans more than a year")


def check_buffer(minutes: int) -> None:
    check_within(minutes, 0, 240, "it is the way from one customer to the next")
    check_units(minutes)


def check_units(minutes: int) -> None:
    if minutes % UNIT_MINUTES:
        raise ValidationError(
            "%(minutes)s minutes cannot be kept in the calendar, which counts in fives. Enter %(near)s.",
            code="not_in_fives",
            params={"minutes": minutes, "near": minutes + -minutes % UNIT_MINUTES},
        )


def check_step(minutes: int) -> None:
    """Slots begin at the same times each day only if their step divides the day."""
    if minutes <= 0 or minutes % UNIT_MINUTES or DAY_MINUTES % minutes:
        raise ValidationError(
            "With a step of %(minutes)s minutes bookings would begin at other times each day. Choose one that a day "
            "can be divided by: 5, 10, 15, 20, 30, 40, 45, 60, 90 or 120.",
            code="uneven_step",
            params={"minutes": minutes},
        )


def check_emergency_number(text: str) -> None:
    if not re.fullmatch(r"\d{2,6}", text):
        raise ValidationError(
            "%(text)s cannot be dialed in an emergency. Enter what is dialed where the business is, for example 911.",
            code="no_emergency_number",
            params={"text": text},
        )


def postal_code(text: str, *, country: str) -> str:
    """The code as it is stored: 12207 for 12207-1234."""
    text = " ".join(text.upper().split())
    if country != "US":
        if _FOREIGN_CODE.fullmatch(text):
            return text
        raise ValidationError("%(text)s is not a postal code.", code="no_postal_code", params={"text": text})
    found = _ZIP.fullmatch(text)
    if found is None:
        raise ValidationError(
            "%(text)s is not a ZIP code. It has five digits, for example 12207.",
            code="no_zip_code",
            params={"text": text},
        )
    if int(found[1]) < LOWEST_ZIP:
        raise ValidationError(
            "There is no ZIP code %(code)s: the lowest is 00501.", code="no_such_zip_code", params={"code": found[1]}
        )
    return found[1]


def postal_prefix(text: str, *, country: str) -> str:
    text = text.strip().upper()
    if country != "US":
        return text
    if re.fullmatch(r"\d{5}(-?\d{4})?", text):
        raise ValidationError(
            "%(text)s is a whole ZIP code: choose the kind “Postal code” for it. A beginning has one to four digits.",
            code="whole_zip_code",
            params={"text": text},
        )
    if not re.fullmatch(r"\d{1,4}", text):
        raise ValidationError(
            "%(text)s is not the beginning of ZIP codes. It has one to four digits, for example 122.",
            code="no_zip_prefix",
            params={"text": text},
        )
    return text


def town(text: str) -> str:
    text = " ".join(text.split())
    if re.search(r"\d", text) or not re.search(r"\w", text):
        raise ValidationError(
            "%(text)s is not the name of a town. For a code choose another kind.",
            code="no_town",
            params={"text": text},
        )
    return text


def overlaps(spans: Iterable[tuple[int, time, time]]) -> list[tuple[int, int]]:
    """Which of these (weekday, from, to) lie over one another, as pairs of their places, the later one second."""
    placed = list(enumerate(spans))
    return [
        (first, second)
        for first, (day, starts_at, ends_at) in placed
        for second, (other_day, other_starts_at, other_ends_at) in placed[first + 1 :]
        if day == other_day and starts_at < other_ends_at and other_starts_at < ends_at
    ]
