"""Quotes: a price kept as rows, and sent by e-mail to whom it was worked out for.

The caller's side of the call chooses a service, a place and a time. Every amount comes from `pricing`.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet

from calls.domain import allowances, area, customers, hours, letters, outbox, pricing, services
from calls.domain.allowances import Allowance
from calls.domain.handover import dialable
from calls.domain.money import written_range
from calls.domain.pricing import Circumstances, Price
from calls.models import Business, Call, Customer, OutgoingEmail, Quote, QuoteLine, Service

PURPOSE = "quote"
MOST_QUOTES_A_CALL = 20
EMAILS = Allowance(a_call=2, a_day=5)
FURTHEST = timedelta(days=366)
SATURDAY = 5


class NoQuote(Exception):
    """No price can be named, or not yet; the text says what to do."""


class NoEmail(Exception):
    """The quote is not sent; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the price is asked for."""

    service: str
    postal_code: str = ""
    town: str = ""
    local_time: str = ""
    is_emergency: bool = False


@transaction.atomic
def quote_price(*, call_id: int, wanted: Wanted, now: datetime) -> Quote:
    """The price of what is wanted, kept with its lines. The same price for the same in one call is one quote."""
    call = Call.objects.select_for_update(no_key=True).get(pk=call_id)
    business = business_of(call)
    service = services.find_service(business=business, name=wanted.service)
    wanted_at = read_local_time(wanted.local_time, business=business, now=now) if wanted.local_time else None
    if wanted.is_emergency and wanted_at is None:
        wanted_at = now.replace(second=0, microsecond=0)
    price = price_for(business=business, service=service, wanted=wanted, wanted_at=wanted_at)
    customer = business.customers.filter(number=customers.calling_number(call=call)).first()
    asked = {"call": call, "customer": customer, "service": service, "wanted_at": wanted_at, "price": price}
    if _same_quote(**asked) is None and Quote.objects.filter(call=call).count() >= MOST_QUOTES_A_CALL:
        raise NoQuote("Many prices have been worked out in this call already. Offer to take a message.")
    quote = keep(**asked, now=now)
    Call.objects.filter(pk=call_id, outcome=Call.Outcome.NONE).update(outcome=Call.Outcome.QUOTED)
    return quote


@transaction.atomic
def email_quote(*, call_id: int, reference: str, address: str, now: datetime) -> tuple[Quote, OutgoingEmail]:
    """Put a quote of this caller in the outbox. The same quote to the same address is one e-mail.

    All quotes of a business that leave go through one lock, so that the limits are exact however many ask at once.
    """
    call = Call.objects.get(pk=call_id)
    business = Business.objects.select_for_update(no_key=True).get(pk=business_of(call).pk)
    address = read_address(address)
    quote = find_quote(call=call, reference=reference)
    key = f"quote:{quote.reference}:{hashlib.sha256(address.lower().encode()).hexdigest()}"
    sent = OutgoingEmail.objects.filter(purpose=PURPOSE, business=business)
    if (email := sent.filter(key=key).first()) is not None:
        return quote, email
    if allowances.is_used_up_by_call(rows=sent, call=call, allowance=EMAILS):
        raise NoEmail("Two e-mails have been sent in this call, and that is the limit. Offer to take a message.")
    if allowances.is_used_up_by_number(rows=sent, at="written_at", call=call, allowance=EMAILS, now=now):
        raise NoEmail("No more quotes can be sent to this caller today. Offer to take a message.")
    facts = facts_of(quote=quote, number=_own_number(call))
    email = outbox.write_email(
        business_id=business.pk,
        call_id=call.pk,
        purpose=PURPOSE,
        key=key,
        to=address,
        subject=f"{business.name}: quote {quote.reference}",
        **letters.wording(name="quote", facts=facts)._asdict(),
        now=now,
    )
    return quote, email


def find_quote(*, call: Call, reference: str) -> Quote:
    """A quote of this call, or an earlier one of the same telephone number; without a reference the newest of this
    call. Raises NoEmail, with the same words whether the quote is another's or does not exist."""
    quotes = Quote.objects.select_related("service", "business").filter(business=call.business_id)
    if not reference:
        if quote := quotes.filter(call=call).order_by("quoted_at", "pk").last():
            return quote
        raise NoEmail("No price has been worked out in this call yet. Call quote_price first.")
    quote = quotes.filter(reference=reference.strip().upper()).first()
    if quote is not None and (quote.call_id == call.pk or _is_same_caller(quote.call, call)):
        return quote
    raise NoEmail("There is no quote of that reference for this caller. Leave the reference out for the newest one.")


def of_number(*, business: Business, number: str) -> QuerySet[Quote]:
    """The quotes that were worked out in calls with a telephone number, the newest first; none for a hidden one."""
    return business.quotes.filter(allowances.of_number(number)) if dialable(number) else business.quotes.none()


def attach(*, customer: Customer) -> None:
    """Give a customer the quotes of calls with their number, made before the business knew them."""
    theirs = of_number(business=customer.business, number=customer.number).filter(customer=None)
    Quote.objects.filter(pk__in=list(theirs.values_list("pk", flat=True))).update(customer=customer)


def read_address(text: str) -> str:
    """An e-mail address that can be written to. Raises NoEmail."""
    address = text.strip()
    try:
        validate_email(address)
    except ValidationError:
        raise NoEmail("That is not an e-mail address. Ask for it again, letter by letter.") from None
    if len(address) > 254 or not address.isascii():
        raise NoEmail("That address cannot be written to. Ask whether there is another one.")
    return address


def read_local_time(text: str, *, business: Business, now: datetime) -> datetime:
    """A moment given on the clock of the business, in UTC. Raises NoQuote for what is no time, past or far away."""
    zone = ZoneInfo(business.time_zone)
    today = f"Today is {now.astimezone(zone):%A, %Y-%m-%d, %H:%M}."
    try:
        clock = datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=zone)
        moment = hours.from_clock(zone, clock.date(), clock.time().replace(tzinfo=None))
    except (ValueError, OverflowError):
        raise NoQuote(f"local_time wants year, month, day, hour and minute, as 2026-11-24T09:00. {today}") from None
    if moment is None:
        raise NoQuote(f"The clock jumps over that time. Ask for another. {today}")
    if moment < now - timedelta(hours=1):
        raise NoQuote(f"That is in the past. {today}")
    if moment > now + FURTHEST:
        raise NoQuote(f"That is too far ahead to name a price. {today}")
    return moment


def business_of(call: Call) -> Business:
    if call.business is None:
        raise NoQuote("No prices are known. Offer to take a message.")
    return call.business


def facts_of(*, quote: Quote, number: str) -> dict[str, object]:
    """What the letter says of a quote."""
    zone, currency = ZoneInfo(quote.business.time_zone), quote.business.currency
    return {
        "business": quote.business,
        "quote": quote,
        "wanted": quote.wanted_at and f"{quote.wanted_at.astimezone(zone):%A, %B %-d, %Y, %-I:%M %p}",
        "quoted": f"{quote.quoted_at.astimezone(zone):%B %-d, %Y}",
        "lines": [
            {"text": line.text, "amount": written_range(line.amount, line.amount_to, currency)}
            for line in quote.lines.all()
        ],
        "total": written_range(quote.total, quote.total_to, currency),
        "number": number,
    }


def price_for(*, business: Business, service: Service, wanted: Wanted, wanted_at: datetime | None) -> Price:
    """What is wanted at that moment costs by the book. Raises NoQuote or area.UnknownPlace."""
    under = _circumstances(business, wanted, wanted_at)
    try:
        return pricing.price_of(
            service=service, currency=business.currency, tax_percent=business.tax_percent, under=under
        )
    except pricing.PriceTooHigh:
        raise NoQuote("The price cannot be worked out. Offer to take a message, so that somebody calls back.") from None


def _circumstances(business: Business, wanted: Wanted, wanted_at: datetime | None) -> Circumstances:
    known = {}
    if wanted.postal_code.strip() or wanted.town.strip():
        place = area.coverage(business=business, postal_code=wanted.postal_code, town=wanted.town)
        if not place.is_served:
            raise NoQuote(f"{place.reason} No price is named for it.")
        known = {"place": place.postal_code or place.town, "travel_fee": place.travel_fee}
    else:
        known = {"has_unknown_travel_fee": area.charges_for_travel(business=business)}
    if wanted_at is not None:
        local = wanted_at.astimezone(ZoneInfo(business.time_zone))
        known |= {
            "has_time": True,
            "is_weekend": local.weekday() >= SATURDAY,
            "is_after_hours": _has_hours(business) and not hours.is_open(business=business, moment=wanted_at),
        }
    return Circumstances(is_emergency=wanted.is_emergency, **known)


def _has_hours(business: Business) -> bool:
    """Without any opening hours nobody has said when a visit would cost more."""
    return business.opening_hours.exists() or business.opening_exceptions.exists()


def keep(
    *,
    call: Call | None,
    customer: Customer | None,
    service: Service,
    wanted_at: datetime | None,
    price: Price,
    now: datetime,
) -> Quote:
    """A price as a quote of a call, or of a customer whom nobody has on the line; the same again is the same quote."""
    if same := _same_quote(call=call, customer=customer, service=service, wanted_at=wanted_at, price=price):
        return same
    quote = Quote.objects.create(
        business=service.business,
        call=call,
        customer=customer,
        service=service,
        wanted_at=wanted_at,
        total=price.total,
        total_to=price.total_to,
        not_included=price.not_included,
        quoted_at=now,
    )
    QuoteLine.objects.bulk_create(
        QuoteLine(quote=quote, position=position, text=line.text, amount=line.amount, amount_to=line.amount_to)
        for position, line in enumerate(price.lines, start=1)
    )
    return quote


def _same_quote(
    *, call: Call | None, customer: Customer | None, service: Service, wanted_at: datetime | None, price: Price
) -> Quote | None:
    lines = [(line.text, line.amount, line.amount_to) for line in price.lines]
    theirs = Q(call=call) if call else Q(call=None, customer=customer)
    same = Quote.objects.filter(
        theirs, service=service, wanted_at=wanted_at, total=price.total, not_included=price.not_included
    )
    return next((q for q in same if list(q.lines.values_list("text", "amount", "amount_to")) == lines), None)


def _own_number(call: Call) -> str:
    return call.from_number if call.direction == Call.Direction.OUTBOUND else call.to_number


def _is_same_caller(earlier: Call | None, call: Call) -> bool:
    """Callers who hide their number share it with strangers: they are known by their call alone."""
    number = customers.calling_number(call=call)
    return number != "" and earlier is not None and customers.calling_number(call=earlier) == number
