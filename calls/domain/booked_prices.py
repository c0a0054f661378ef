"""What a visit costs at the very time that is offered or booked, where that is more than what was named before.

A price that was named without a time is one of opening hours on a weekday. So whoever is offered or given a dearer time
hears of it, and the price of a booked time is kept as a quote of its own: the newest, which is the one that is sent.
"""

from datetime import datetime

from django.db.models import F, Q

from calls.domain import quotes
from calls.domain.pricing import Price
from calls.domain.technicians import Place
from calls.models import Booking, Call, Quote, Service


def dearer_price(*, service: Service, place: Place, starts_at: datetime) -> Price | None:
    """The price at a time that has a surcharge; None at any other, and where no price can be worked out."""
    price = _price_at(service, place, starts_at)
    return price if price and price.surcharges else None


def keep(*, booking: Booking, place: Place, call: Call | None, now: datetime) -> None:
    """Keep the price of a booking, if its time has a surcharge or another price was named for its service before.

    `call` is None where a person of the business books or moves.
    """
    price = _price_at(booking.service, place, booking.starts_at)
    if price is None:
        return
    theirs = Q(customer=booking.customer_id)
    if call is not None:
        theirs |= Q(call=call)
    newest = Quote.objects.filter(theirs, service=booking.service_id).order_by("quoted_at", "pk").last()
    if newest is None and not price.surcharges:
        return
    is_named = newest and newest.wanted_at is None and (newest.total, newest.total_to) == (price.total, price.total_to)
    if is_named and newest == of_booking(booking=booking):
        return
    priced = {"service": booking.service, "wanted_at": booking.starts_at, "price": price}
    quote = quotes.keep(call=call, customer=booking.customer, **priced, now=now)
    Quote.objects.filter(pk=quote.pk).update(customer=booking.customer, quoted_at=now)


def of_booking(*, booking: Booking) -> Quote | None:
    """The price that was named for a booking: for its very time, else for no time in particular."""
    theirs = Q(customer=booking.customer_id)
    if booking.call_id:
        theirs |= Q(call=booking.call_id)
    named = Quote.objects.filter(theirs, Q(wanted_at=booking.starts_at) | Q(wanted_at=None), service=booking.service_id)
    with_time_last = F("wanted_at").asc(nulls_first=True)
    return named.select_related("business").order_by(with_time_last, "quoted_at", "pk").last()


def _price_at(service: Service, place: Place, starts_at: datetime) -> Price | None:
    wanted = quotes.Wanted(service=service.name, postal_code=place.postal_code, town=place.town)
    try:
        return quotes.price_for(business=service.business, service=service, wanted=wanted, wanted_at=starts_at)
    except quotes.NoQuote:
        return None
