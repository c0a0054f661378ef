"""Every page asks the database as often for 300 rows as for 3."""

from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from calls.models import (
    Agent,
    Booking,
    Business,
    Call,
    Callback,
    CallEvent,
    Customer,
    Emergency,
    KnownAnswer,
    Message,
    OutgoingEmail,
    OutgoingMessage,
    PhoneLine,
    Quote,
    Service,
    ServiceArea,
    Skill,
    Technician,
    Turn,
)
from tests import factories, factories_trade
from tests.admin import test_records

FEW, MANY = 3, 300
MODELS = {
    **{"call": Call, "message": Message, "business": Business, "agent": Agent, "phoneline": PhoneLine},
    **{"customer": Customer, "technician": Technician, "service": Service, "servicearea": ServiceArea, "skill": Skill},
    **{"knownanswer": KnownAnswer, "booking": Booking, "quote": Quote, "callback": Callback, "emergency": Emergency},
    **{"outgoingemail": OutgoingEmail, "outgoingmessage": OutgoingMessage},
}


def fill_up_to(count):
    """So many businesses, each with one row of everything."""
    for serial in range(Business.objects.count(), count):
        business = factories.make_business(name=f"Business {serial}")
        line = factories.make_line(business=business, number=f"+1212555{serial:04}")
        factories.make_kept_greeting(agent=line.agent, text="Hello.", sound=bytes(8))
        call = factories.make_ended_call(line=line, rang_at=factories.RANG_AT - timedelta(minutes=serial))
        factories.make_message(call=call)
        leave_everything(call)


def leave_everything(call, serial=""):
    """One row of everything that a call can leave, and of what it takes."""
    business = call.business
    skill = factories_trade.make_skill(business=business)
    area = factories_trade.make_area(business=business)
    service = factories_trade.make_service(business=business, skills=[skill])
    technician = factories_trade.make_technician(business=business, skills=[skill], areas=[area])
    factories_trade.make_hours(business=business, weekdays=[0])
    factories_trade.make_on_call(technician=technician)
    factories_trade.make_working_hours(technician=technician, weekdays=[0])
    factories_trade.make_answer(business=business, call=call, answer="")
    customer = factories_trade.make_customer(business=business)
    standing = {"service": service, "technician": technician, "customer": customer, "call": call}
    factories_trade.make_booking(**standing)
    Quote.objects.create(business=business, call=call, service=service, total=1, quoted_at=factories.RANG_AT)
    test_records.make_callback(call)
    test_records.make_email(call, key=f"email {call.pk} {serial}")
    test_records.make_text(call, key=f"text {call.pk} {serial}")
    if not hasattr(call, "emergency"):
        test_records.make_emergency(call, accepted_by=technician)


def queries(client, page, by="get", **data):
    with CaptureQueriesContext(connection) as captured:
        assert getattr(client, by)(page, data).status_code == 200
    return len(captured)


def queries_of_every_page(client):
    lists = {name: queries(client, reverse(f"admin:calls_{name}_changelist")) for name in MODELS}
    forms = {
        f"{name} {verb}": queries(client, reverse(f"admin:calls_{name}_{verb}", args=[model.objects.first().pk]))
        for name, model in MODELS.items()
        for verb in ("change", "history")
    }
    search = {"search": queries(client, reverse("admin:calls_call_changelist"), q="Business")}
    booking = Booking.objects.order_by("pk").first()
    day = {"business": booking.business_id, "on": "2026-11-24"}
    others = {
        "index": queries(client, reverse("admin:index")),
        "day": queries(client, reverse("admin:calls_booking_day"), **day),
        "reassign": queries(client, reverse("admin:calls_booking_reassign", args=[booking.pk])),
        "greeting": queries(client, reverse("admin:calls_agent_greeting", args=[Agent.objects.first().pk])),
        "told": queries(client, reverse("admin:calls_agent_told", args=[booking.business.agents.first().pk])),
    }
    return lists | forms | search | others | queries_by_hand(client, booking)


def queries_by_hand(client, booking):
    """The pages that show openings, on the busiest day."""
    add, move = reverse("admin:calls_booking_add"), reverse("admin:calls_booking_move", args=[booking.pk])
    wanted = {"service": booking.service_id, "customer": booking.customer_id, "day": "2026-11-24", "look": ""}
    return {
        "add": queries(client, add),
        "openings": queries(client, add, by="post", **wanted),
        "move": queries(client, move),
        "another day": queries(client, move, by="post", day="2026-11-24", look=""),
    }


def test_every_page_among_300_asks_as_often_as_among_3(db, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    rights = [f"calls.{verb}_{name}" for verb in ("view", "change") for name in MODELS]
    readers = [Client(), Client()]
    for reader, seen in zip(readers, ([], ["calls.view_whole_numbers"]), strict=True):
        reader.force_login(factories.make_staff(*seen, *rights, "calls.add_booking"))
    fill_up_to(FEW)
    queries_of_every_page(readers[0])  # content types are looked up once in the life of a process
    few = [queries_of_every_page(reader) for reader in readers]
    fill_up_to(MANY)

    assert [queries_of_every_page(reader) for reader in readers] == few


def test_a_call_of_300_turns_asks_as_often_as_one_of_3(owner):
    def call_of(count):
        call = factories.make_ended_call()
        for position in range(count):
            factories.make_turn(call=call, position=2 * position)
            factories.make_tool_call(call=call, position=2 * position + 1)
            factories.make_event(call=call, at_ms=position)
            factories.make_message(call=call, text=f"Message {position}")
            factories.make_stream(call=call)
            if position < FEW or count > FEW and position % 10 == 0:
                leave_everything(call, position)
        return reverse("admin:calls_call_change", args=[call.pk])

    short, long = call_of(FEW), call_of(MANY)

    assert queries(owner, long) == queries(owner, short)
    assert (Call.objects.count(), Turn.objects.count(), CallEvent.objects.count()) == (2, FEW + MANY, FEW + MANY)
    assert queries(owner, long) == 16  # login: 2; the call; what was said and done in it: 4; what it left: 9


def test_a_day_a_choice_and_a_week_of_30_technicians_ask_as_often_as_of_3(client, db, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    client.force_login(factories.make_superuser())
    owner, booking = client, factories_trade.make_booking()
    factories_trade.make_hours(business=booking.business)

    def pages_with(count):
        for _ in range(booking.business.technicians.count(), count):
            technician = factories_trade.make_technician(business=booking.business, skills=[skill], areas=[area])
            factories_trade.make_working_hours(technician=technician)
            factories_trade.make_time_off(technician=technician)
            factories_trade.make_on_call(technician=technician)
            customer = factories_trade.make_customer(business=booking.business)
            factories_trade.make_booking(technician=technician, service=booking.service, customer=customer)
        day = {"business": booking.business_id, "on": "2026-11-24"}
        return [
            queries(owner, reverse("admin:calls_booking_day"), **day),
            queries(owner, reverse("admin:calls_booking_reassign", args=[booking.pk])),
            queries(owner, reverse("admin:calls_business_change", args=[booking.business_id])),
            queries(owner, reverse("admin:calls_technician_changelist")),
            queries(owner, reverse("admin:calls_service_changelist")),
            *queries_by_hand(owner, booking).values(),
        ]

    skill = factories_trade.make_skill(business=booking.business)
    area = factories_trade.make_area(business=booking.business)

    pages_with(3)  # content types are looked up once in the life of a process
    assert pages_with(3) == pages_with(30)
