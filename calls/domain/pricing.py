"""What a piece of work costs, line by line. Pure: the same rows under the same circumstances give the same price.

Surcharges are percent of the work alone, not of fees. Where after-hours and weekend would both apply the higher one
does; an emergency comes on top. Tax is on everything that stands above it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from calls.domain.money import ZERO, hours_of, percent_of, spoken_money, spoken_range, to_cents, written_money
from calls.models import Service

HIGHEST_TOTAL = Decimal("9999999.99")  # what the column holds
LONGEST_TEXT = 120


class PriceTooHigh(Exception):
    """The rules give an amount that cannot be kept: somebody has mistyped a price."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a price hangs on besides the service. Without a time (`has_time`) nothing is charged for the hour."""

    has_time: bool = False
    is_after_hours: bool = False
    is_weekend: bool = False
    is_emergency: bool = False
    place: str = ""
    travel_fee: Decimal = ZERO
    has_unknown_travel_fee: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    amount: Decimal
    amount_to: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Price:
    lines: tuple[Line, ...]
    total: Decimal
    total_to: Decimal | None
    not_included: str
    surcharges: tuple[Line, ...] = ()


def price_of(*, service: Service, currency: str, tax_percent: Decimal, under: Circumstances) -> Price:
    work = _work(service, currency)
    surcharges = tuple(_surcharges(service, work, under))
    lines = [work, *surcharges]
    if service.call_out_fee:
        lines.append(Line("Call-out fee", to_cents(service.call_out_fee)))
    if under.place and under.travel_fee:
        lines.append(Line(f"Travel to {under.place}"[:LONGEST_TEXT], to_cents(under.travel_fee)))
    if service.is_taxed and tax_percent:
        lines.append(_percentage(f"Tax, {_percent(tax_percent)}", _sum(lines, work), tax_percent))
    total = _sum(lines, work)
    if max(total.amount, total.amount_to or ZERO) > HIGHEST_TOTAL:
        raise PriceTooHigh(service.name)
    return Price(tuple(lines), total.amount, total.amount_to, _not_included(service, currency, under), surcharges)


def spoken_rule(*, service: Service, currency: str) -> str:
    """The price rule in words: "120 dollars an hour, at least 1 hour"."""
    price = to_cents(service.price)
    if service.price_rule == Service.PriceRule.HOURLY:
        least = spoken_minutes(service.minimum_minutes)
        return f"{spoken_money(price, currency)} an hour{f', at least {least}' if least else ''}"
    spoken = spoken_range(price, _upper(service), currency)
    return f"{spoken}, fixed on site" if service.price_rule == Service.PriceRule.RANGE else spoken


def spoken_minutes(minutes: int) -> str:
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "hour"), (minutes, "minute")]
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)


def charged_minutes(service: Service) -> int:
    return max(service.duration_minutes, service.minimum_minutes)


def _work(service: Service, currency: str) -> Line:
    if service.price_rule == Service.PriceRule.HOURLY:
        minutes = charged_minutes(service)
        rate = written_money(service.price, currency)
        text = f"{service.name}, {spoken_minutes(minutes)} at {rate} an hour"
        return Line(text[:LONGEST_TEXT], hours_of(service.price, minutes))
    return Line(service.name, to_cents(service.price), _upper(service))


def _upper(service: Service) -> Decimal | None:
    is_range = service.price_rule == Service.PriceRule.RANGE
    return to_cents(service.price_to) if is_range and service.price_to is not None else None


def _surcharges(service: Service, work: Line, under: Circumstances) -> Iterable[Line]:
    by_time = [
        (service.after_hours_percent, "After-hours surcharge", under.is_after_hours),
        (service.weekend_percent, "Weekend surcharge", under.is_weekend),
    ]
    percent, text = max(((percent, text) for percent, text, applies in by_time if applies), default=(ZERO, ""))
    if percent:
        yield _percentage(f"{text}, {_percent(percent)}", work, percent)
    if under.is_emergency and service.emergency_percent:
        yield _percentage(
            f"Emergency surcharge, {_percent(service.emergency_percent)}", work, service.emergency_percent
        )


def _percentage(text: str, base: Line, percent: Decimal) -> Line:
    upper = None if base.amount_to is None else percent_of(base.amount_to, percent)
    return Line(text, percent_of(base.amount, percent), upper)


def _sum(lines: Iterable[Line], work: Line) -> Line:
    """Both ends added up; a line with one amount counts at either end, and only a range has two ends."""
    lines = list(lines)
    upper = None if work.amount_to is None else sum((_highest(line) for line in lines), ZERO)
    return Line("", sum((line.amount for line in lines), ZERO), upper)


def _highest(line: Line) -> Decimal:
    return line.amount if line.amount_to is None else line.amount_to


def _not_included(service: Service, currency: str, under: Circumstances) -> str:
    parts = [service.not_included.strip().rstrip(".")]
    if service.price_rule == Service.PriceRule.HOURLY:
        rate = written_money(service.price, currency)
        parts.append(f"Time beyond {spoken_minutes(charged_minutes(service))}, at {rate} an hour")
    if under.has_unknown_travel_fee:
        parts.append("The travel fee, which depends on the postal code")
    if not under.has_time and (service.after_hours_percent or service.weekend_percent):
        parts.append("The surcharge for a visit outside of opening hours or on a weekend")
    return " ".join(f"{part}." for part in parts if part)


def _percent(percent: Decimal) -> str:
    return f"{percent.normalize():f}%"
