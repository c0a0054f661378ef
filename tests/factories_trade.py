"""Rows of the trade for tests: what is sold, who is sent, what was booked. Manners as in factories.py."""

import itertools
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from calls.models import (
    Booking,
    Customer,
    KnownAnswer,
    OnCall,
    OpeningException,
    OpeningHours,
    Quote,
    Service,
    ServiceArea,
    Skill,
    TakenTime,
    Technician,
    TimeOff,
    Weekday,
    WorkingHours,
)
from tests.factories import RANG_AT, make_business, make_call

MONDAY_TO_FRIDAY = (Weekday.MONDAY, Weekday.TUESDAY, Weekday.WEDNESDAY, Weekday.THURSDAY, Weekday.FRIDAY)
TUESDAY_AT_NINE = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)  # on the clock of New York, four days after RANG_AT

_serial = itertools.count(1)


def make_hours(*, business=None, weekdays=MONDAY_TO_FRIDAY, starts_at=time(8), ends_at=time(17)):
    """The same span on each of `weekdays`; the rows in a list."""
    business = business or make_business()
    rows = [OpeningHours(business=business, weekday=day, starts_at=starts_at, ends_at=ends_at) for day in weekdays]
    return OpeningHours.objects.bulk_create(rows)


def make_exception(*, business, on, **fields):
    """A closed day, unless `starts_at` and `ends_at` are given."""
    return OpeningException.objects.create(business=business, on=on, **fields)


def make_skill(*, business=None, **fields):
    return Skill.objects.create(business=business or make_business(), **{"name": f"skill {next(_serial)}"} | fields)


def make_service(*, business=None, skills=(), **fields):
    """An hour of drain cleaning for 120.00; `skills` are what the technician must know."""
    standing = {"name": f"Drain cleaning {next(_serial)}", "duration_minutes": 60, "price": Decimal("120.00")}
    service = Service.objects.create(business=business or make_business(), **standing | fields)
    service.skills.set(skills)
    return service


def make_area(*, business=None, **fields):
    return ServiceArea.objects.create(business=business or make_business(), **{"value": "12207"} | fields)


def make_answer(*, business=None, **fields):
    standing = {"question": f"Are you licensed? {next(_serial)}", "answer": "Yes, in the state of New York."}
    return KnownAnswer.objects.create(business=business or make_business(), **standing | fields)


def make_technician(*, business=None, skills=(), areas=(), **fields):
    """Somebody who goes everywhere and works when the business is open."""
    serial = next(_serial)
    standing = {
        "name": f"Technician {serial}",
        "number": f"+1555013{serial % 10000:04}",
        "email": f"technician{serial}@example.com",
    }
    technician = Technician.objects.create(business=business or make_business(), **standing | fields)
    technician.skills.set(skills)
    technician.areas.set(areas)
    return technician


def make_working_hours(*, technician, weekdays=MONDAY_TO_FRIDAY, starts_at=time(8), ends_at=time(17)):
    rows = [WorkingHours(technician=technician, weekday=day, starts_at=starts_at, ends_at=ends_at) for day in weekdays]
    return WorkingHours.objects.bulk_create(rows)


def make_time_off(*, technician, starts_at=TUESDAY_AT_NINE, ends_at=None, **fields):
    """A day, unless `ends_at` says otherwise."""
    ends_at = ends_at or starts_at + timedelta(days=1)
    return TimeOff.objects.create(technician=technician, starts_at=starts_at, ends_at=ends_at, **fields)


def make_on_call(*, technician=None, **fields):
    technician = technician or make_technician()
    return OnCall.objects.create(business=technician.business, technician=technician, **fields)


def make_customer(*, business=None, **fields):
    standing = {
        "number": f"+1555014{next(_serial) % 10000:04}",
        "name": "Robert Miller",
        "address": "12 Elm Street",
        "postal_code": "12207",
    }
    return Customer.objects.create(business=business or make_business(), **standing | fields)


def make_booking(*, service=None, technician=None, customer=None, starts_at=TUESDAY_AT_NINE, **fields):
    """A booking with the time that it takes of its technician; a cancelled one takes none."""
    given = service or technician or customer
    business = given.business if given else make_business()
    service = service or make_service(business=business)
    customer = customer or make_customer(business=business)
    standing = {
        "business": business,
        "service": service,
        "technician": technician or make_technician(business=business),
        "customer": customer,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=service.duration_minutes),
        "address": customer.address or "12 Elm Street",
        "postal_code": customer.postal_code,
        "booked_at": RANG_AT - timedelta(days=1),
    }
    booking = Booking.objects.create(**standing | fields)
    if booking.status != Booking.Status.CANCELLED:
        _take_time(booking)
    return booking


def make_quote(*, call=None, service=None, **fields):
    """A price without lines that was named in a call."""
    call = call or make_call()
    standing = {"business": call.business, "call": call, "total": "120.00", "quoted_at": RANG_AT}
    return Quote.objects.create(service=service or make_service(business=call.business), **standing | fields)


def _take_time(booking):
    moment, until = booking.starts_at, booking.ends_at + timedelta(minutes=booking.business.buffer_minutes)
    while moment < until:
        TakenTime.objects.create(technician=booking.technician, booking=booking, starts_at=moment)
        moment += timedelta(minutes=5)


def make_open_business(**fields):
    """A business that is open from Monday to Friday, eight to five, without service or technician yet."""
    business = make_business(**fields)
    make_hours(business=business)
    return business
