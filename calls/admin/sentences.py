"""Rules of the trade as sentences that a person can check."""

from decimal import Decimal

from calls.domain.money import written_money, written_range
from calls.domain.pricing import spoken_minutes
from calls.models import Service, ServiceArea


def price_rule(service: Service, currency: str, tax_percent: Decimal) -> str:
    """What a caller pays for a service, in the order in which `pricing` works it out."""
    parts = [_work(service, currency)]
    if service.call_out_fee:
        parts.append(f"Coming out adds {written_money(service.call_out_fee, currency)}.")
    parts += _surcharges(service)
    if service.is_taxed and tax_percent:
        parts.append(f"Tax of {percent(tax_percent)} comes on top.")
    elif not service.is_taxed:
        parts.append("No tax is added.")
    if service.not_included:
        parts.append(f"Not included: {service.not_included.strip().rstrip('.')}.")
    return " ".join(parts)


def short_price(service: Service, currency: str) -> str:
    price = written_money(service.price, currency)
    if service.price_rule == Service.PriceRule.HOURLY:
        return f"{price} an hour"
    if service.price_rule == Service.PriceRule.RANGE:
        return written_range(service.price, service.price_to, currency)
    return price


def percent(value: Decimal) -> str:
    return f"{value.normalize():f}%"


def area(entry: ServiceArea) -> str:
    """An entry of the service area as one reads it: `122…`, `12201 to 12212`, `Albany`."""
    if entry.kind == ServiceArea.Kind.PREFIX:
        return f"{entry.value}…"
    if entry.kind == ServiceArea.Kind.RANGE:
        return f"{entry.value} to {entry.value_to}"
    return entry.value


def minutes(count: int) -> str:
    return spoken_minutes(count) or "no time"


def _work(service: Service, currency: str) -> str:
    price = written_money(service.price, currency)
    if service.price_rule == Service.PriceRule.HOURLY:
        least = f", at least {minutes(service.minimum_minutes)}" if service.minimum_minutes else ""
        return f"{price} an hour{least}."
    if service.price_rule == Service.PriceRule.RANGE:
        return (
            f"Between {written_range(service.price, service.price_to, currency).replace(' to ', ' and ')}; the "
            "price is fixed on site."
        )
    return f"{price}, whatever it takes."


def _surcharges(service: Service) -> list[str]:
    by_time = {"outside opening hours": service.after_hours_percent, "on a weekend": service.weekend_percent}
    charged = [f"{percent(value)} more {when}" for when, value in by_time.items() if value]
    parts = []
    if charged:
        highest = " (the higher one where both apply)" if len(charged) > 1 else ""
        parts.append(f"The work costs {' and '.join(charged)}{highest}.")
    if service.emergency_percent:
        parts.append(f"In an emergency the work costs {percent(service.emergency_percent)} more.")
    return parts
