"""What the demonstration's business sells, where, when and by whom.

Each kind of row is made only where the business has none of it yet, so that whatever was edited or deleted stays so.
"""

from collections.abc import Callable
from datetime import time
from decimal import Decimal

from calls.models import (
    Business,
    KnownAnswer,
    OnCall,
    OpeningHours,
    Service,
    ServiceArea,
    Skill,
    Technician,
    Weekday,
    WorkingHours,
)

BUSINESS = {
    "address": "40 Steuben Street, Albany, New York 12207",
    "email": "office@cedarplumbing.example.com",
    "tax_percent": Decimal(8),
}

MONDAY_TO_FRIDAY = (Weekday.MONDAY, Weekday.TUESDAY, Weekday.WEDNESDAY, Weekday.THURSDAY, Weekday.FRIDAY)
OPENS_AT, CLOSES_AT, CLOSES_ON_SATURDAY_AT = time(8), time(18), time(12)

DRAINS, PIPES, HEATERS = "Drains", "Pipes", "Water heaters"
SERVICES = (
    (
        DRAINS,
        {
            "name": "Drain cleaning",
            "description": "Clearing one blocked drain with a machine, up to 75 feet.",
            "duration_minutes": 60,
            "price_rule": Service.PriceRule.FIXED,
            "price": Decimal("189.00"),
            "after_hours_percent": Decimal(50),
            "weekend_percent": Decimal(25),
            "emergency_percent": Decimal(50),
            "not_included": "Parts, and digging up a line",
        },
    ),
    (
        PIPES,
        {
            "name": "Leak repair",
            "description": "Finding and repairing a leak of a tap, a valve or a pipe.",
            "duration_minutes": 90,
            "price_rule": Service.PriceRule.HOURLY,
            "price": Decimal("120.00"),
            "minimum_minutes": 60,
            "call_out_fee": Decimal("49.00"),
            "after_hours_percent": Decimal(50),
            "weekend_percent": Decimal(25),
            "emergency_percent": Decimal(50),
            "not_included": "Parts, and opening and closing walls",
        },
    ),
    (
        HEATERS,
        {
            "name": "Water heater replacement",
            "description": "Taking out the old tank and putting in a new one of 40 to 50 gallons, the tank included.",
            "duration_minutes": 240,
            "price_rule": Service.PriceRule.RANGE,
            "price": Decimal("1450.00"),
            "price_to": Decimal("2600.00"),
            "not_included": "The permit, and work on a gas line",
        },
    ),
)

# Albany without a fee, Troy and Schenectady with one, and one corner of Schenectady not at all.
AREAS = (
    {"kind": ServiceArea.Kind.RANGE, "value": "12201", "value_to": "12212"},
    {"kind": ServiceArea.Kind.TOWN, "value": "Albany"},
    {"kind": ServiceArea.Kind.RANGE, "value": "12180", "value_to": "12182", "travel_fee": Decimal("25.00")},
    {"kind": ServiceArea.Kind.TOWN, "value": "Troy", "travel_fee": Decimal("25.00")},
    {"kind": ServiceArea.Kind.PREFIX, "value": "1230", "travel_fee": Decimal("35.00")},
    {"kind": ServiceArea.Kind.POSTAL_CODE, "value": "12303", "is_excluded": True},
)

TECHNICIANS = (
    ("Maria Ortiz", "+15550107001", "12207", (DRAINS, PIPES, HEATERS)),
    ("Dan Kowalski", "+15550107002", "12180", (DRAINS, PIPES)),
    ("Priya Shah", "+15550107003", "12304", (PIPES, HEATERS)),
)
SHORT_WEEK = ("Priya Shah", MONDAY_TO_FRIDAY[:4], time(8), time(16))
ROTA = ("Maria Ortiz", "Dan Kowalski")  # who is rung first for an emergency, who is next

ANSWERS = {
    "Are you licensed and insured?": "Yes, we are licensed and insured in the state of New York.",
    "How can I pay?": "By card, by check or in cash, when the work is done.",
    "Is there a warranty on your work?": "One year on our work; on parts as long as their maker gives.",
    "What brands of water heaters do you install?": "Bradford White, Rheem and A. O. Smith.",
    "When are you open?": "Monday to Friday from eight until six, Saturday from eight until noon.",
    "Do I have to be at home?": "Somebody of age has to let the plumber in and to show where the water is shut off.",
}


def load_trade(*, business: Business) -> None:
    """Make the rows of every kind that the business has none of."""
    is_new = not business.services.exists() and not business.address
    if is_new:
        _describe(business)
    kinds: tuple[tuple[str, Callable[[Business], None]], ...] = (
        ("opening_hours", _open),
        ("services", _sell),
        ("areas", _serve),
        ("technicians", _employ),
        ("rota", _put_on_call),
        ("answers", _know),
    )
    for name, make in kinds:
        if not getattr(business, name).exists():
            make(business)


def _describe(business: Business) -> None:
    """A demonstration from before there was a trade gets its address, mailbox and tax."""
    for name, value in BUSINESS.items():
        setattr(business, name, getattr(business, name) or value)
    business.save(update_fields=list(BUSINESS))


def _open(business: Business) -> None:
    days = [(day, CLOSES_AT) for day in MONDAY_TO_FRIDAY] + [(Weekday.SATURDAY, CLOSES_ON_SATURDAY_AT)]
    OpeningHours.objects.bulk_create(
        OpeningHours(business=business, weekday=day, starts_at=OPENS_AT, ends_at=ends_at) for day, ends_at in days
    )


def _sell(business: Business) -> None:
    for skill, fields in SERVICES:
        Service.objects.create(business=business, **fields).skills.add(_skill(business, skill))


def _serve(business: Business) -> None:
    ServiceArea.objects.bulk_create(ServiceArea(business=business, **fields) for fields in AREAS)


def _employ(business: Business) -> None:
    for name, number, postal_code, skills in TECHNICIANS:
        mailbox = f"{name.split()[0].lower()}@cedarplumbing.example.com"
        technician = Technician.objects.create(
            business=business, name=name, number=number, email=mailbox, home_postal_code=postal_code
        )
        technician.skills.set([_skill(business, skill) for skill in skills])
    name, weekdays, starts_at, ends_at = SHORT_WEEK
    technician = business.technicians.get(name=name)
    WorkingHours.objects.bulk_create(
        WorkingHours(technician=technician, weekday=day, starts_at=starts_at, ends_at=ends_at) for day in weekdays
    )


def _put_on_call(business: Business) -> None:
    by_name = {technician.name: technician for technician in business.technicians.all()}
    OnCall.objects.bulk_create(
        OnCall(business=business, technician=by_name[name], rank=rank)
        for rank, name in enumerate(ROTA, start=1)
        if name in by_name
    )


def _know(business: Business) -> None:
    KnownAnswer.objects.bulk_create(
        KnownAnswer(business=business, question=question, answer=answer) for question, answer in ANSWERS.items()
    )


def _skill(business: Business, name: str) -> Skill:
    return Skill.objects.get_or_create(business=business, name=name)[0]
