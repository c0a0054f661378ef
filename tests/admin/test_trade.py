"""What is sold, where and by whom: rules as sentences, refusals that explain, questions answered in place."""

import html
import re
from datetime import time, timedelta
from decimal import Decimal

import pytest

from calls.admin import sentences
from calls.domain import answers
from calls.models import KnownAnswer, OutgoingMessage, Service, ServiceArea, Technician
from tests import factories, factories_trade
from tests.admin.pages import address, cells, said, text_of


@pytest.fixture
def business(db):
    return factories_trade.make_open_business(tax_percent=Decimal(8))


def service_form(business, **fields):
    standing = {"business": business.pk, "name": "Drain cleaning", "is_active": "on", "is_taxed": "on"}
    work = {"duration_minutes": 60, "price_rule": "fixed", "price": "120", "minimum_minutes": 60, "call_out_fee": 0}
    percent = {"after_hours_percent": 0, "weekend_percent": 0, "emergency_percent": 0}
    return standing | work | percent | fields


def post(client, page, data):
    """Post a form: the errors by field, or the warnings that were said after saving."""
    response = client.post(page, data)
    if response.status_code == 302:
        return [line for line in said(response) if "successfully" not in line]
    errors = dict(response.context["adminform"].form.errors)
    for formset in response.context["inline_admin_formsets"]:
        errors |= {name: line for row in formset.formset.errors for name, line in row.items()}
    return errors


def hours_form(*spans, prefix):
    rows = {f"{prefix}-TOTAL_FORMS": len(spans), f"{prefix}-INITIAL_FORMS": 0}
    for place, (weekday, starts_at, ends_at) in enumerate(spans):
        rows |= {
            f"{prefix}-{place}-weekday": weekday,
            f"{prefix}-{place}-starts_at": starts_at,
            f"{prefix}-{place}-ends_at": ends_at,
        }
    return rows


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "$120.00, whatever it takes. Tax of 8% comes on top."),
        ({"is_taxed": False}, "$120.00, whatever it takes. No tax is added."),
        (
            {"price_rule": "hourly", "minimum_minutes": 90, "call_out_fee": Decimal("49.5")},
            "$120.00 an hour, at least 1 hour 30 minutes. Coming out adds $49.50. Tax of 8% comes on top.",
        ),
        (
            {"price_rule": "range", "price_to": Decimal(400), "not_included": "Parts and permits."},
            "Between $120.00 and $400.00; the price is fixed on site. Tax of 8% comes on top. Not included: Parts and "
            "permits.",
        ),
        (
            {"after_hours_percent": Decimal(50), "weekend_percent": Decimal("12.5"), "emergency_percent": Decimal(100)},
            "$120.00, whatever it takes. The work costs 50% more outside opening hours and 12.5% more on a weekend "
            "(the higher one where both apply). In an emergency the work costs 100% more. Tax of 8% comes on top.",
        ),
        (
            {"weekend_percent": Decimal(25)},
            "$120.00, whatever it takes. The work costs 25% more on a weekend. Tax of 8% comes on top.",
        ),
    ],
)
def test_a_price_rule_reads_as_a_sentence(fields, sentence):
    service = Service(**{"price": Decimal(120)} | fields)

    assert sentences.price_rule(service, "USD", Decimal(8)) == sentence


def test_the_sentence_stands_in_the_list_and_on_the_page(owner, business):
    service = factories_trade.make_service(business=business, name="Drain cleaning", description="With a machine.")

    [row] = cells(owner.get(address("service")))
    assert row[:3] == [
        "Drain cleaning With a machine.",
        "$120.00 $120.00, whatever it takes. Tax of 8% comes on top.",
        "1 hour",
    ]
    page = text_of(owner.get(address("service", "change", service.pk)))
    assert "As a sentence: $120.00, whatever it takes. Tax of 8% comes on top." in page
    assert "Appears here once the service is saved." in text_of(owner.get(address("service", "add")))


def test_a_service_that_somebody_can_do_is_saved_without_a_word(owner, business):
    drains = factories_trade.make_skill(business=business, name="drains")
    factories_trade.make_technician(business=business, skills=[drains])

    assert post(owner, address("service", "add"), service_form(business, skills=[drains.pk])) == []


def test_a_service_that_nobody_can_do_is_saved_with_a_warning(owner, business):
    drains = factories_trade.make_skill(business=business, name="drains")
    factories_trade.make_technician(business=business)

    assert post(owner, address("service", "add"), service_form(business, skills=[drains.pk])) == [
        "No technician knows drains: Drain cleaning can be priced, but nobody can be sent, so it cannot be booked."
    ]
    assert cells(owner.get(address("service")))[0][-1] == "Nobody can be sent"


def test_a_service_for_nothing_and_without_anybody_is_warned_of_twice(owner, business):
    assert post(owner, address("service", "add"), service_form(business, price="0")) == [
        "No technician is active: Drain cleaning can be priced, but nobody can be sent, so it cannot be booked.",
        "Drain cleaning costs nothing: Cortana will say so. Is it a slip?",
    ]


def test_a_skill_of_another_business_is_refused(owner, business):
    foreign = factories_trade.make_skill(business=factories.make_business(name="Bluebird"), name="gas")

    assert post(owner, address("service", "add"), service_form(business, skills=[foreign.pk])) == {
        "skills": ["gas belongs to Bluebird, not to Cedar Plumbing."]
    }


def test_what_a_service_cannot_have_is_refused_beside_its_field(owner, business):
    assert post(owner, address("service", "add"), service_form(business, duration_minutes=52)) == {
        "duration_minutes": ["52 minutes cannot be kept in the calendar, which counts in fives. Enter 55."]
    }


def test_an_area_is_listed_as_one_reads_it(owner, business):
    factories_trade.make_area(business=business, kind="prefix", value="122", travel_fee=Decimal(25))
    factories_trade.make_area(business=business, kind="range", value="12301", value_to="12309", is_excluded=True)

    assert cells(owner.get(address("servicearea"))) == [
        ["122…", "Beginning of postal codes", "Served", "$25.00"],
        ["12301 to 12309", "Range of postal codes", "Not served", "–"],
    ]


def test_an_area_is_refused_beside_its_field(owner, business):
    data = {"business": business.pk, "kind": "postal_code", "value": "Albany", "value_to": "", "travel_fee": "0"}

    assert post(owner, address("servicearea", "add"), data) == {
        "value": ["ALBANY is not a ZIP code. It has five digits, for example 12207."]
    }
    assert ServiceArea.objects.count() == 0


def test_a_new_row_belongs_to_the_only_business(owner, business):
    def chosen():
        page = owner.get(address("servicearea", "add")).content.decode()
        return re.findall(r'<option value="(\d+)" selected', page)

    assert chosen() == [str(business.pk)]
    factories.make_business(name="Bluebird")
    assert chosen() == []


def test_open_questions_stand_first_and_are_answered_in_the_list(owner, business):
    call = factories.make_call()
    known = factories_trade.make_answer(business=business, question="Are you licensed?", answer="Yes.")
    rare = factories_trade.make_answer(business=business, question="Any dogs?", answer="", times_asked=1)
    often = factories_trade.make_answer(business=business, question="Rinnai?", answer="", times_asked=3, call=call)

    page = owner.get(address("knownanswer"))
    assert [row[0] for row in cells(page)] == ["Rinnai? Open", "Any dogs? Open", "Are you licensed?"]
    assert cells(page)[0][-1] == "3 times Open call"

    rows = {"form-TOTAL_FORMS": 3, "form-INITIAL_FORMS": 3, "_save": "Save"}
    for place, (row, answer) in enumerate([(often, "Yes, we do."), (rare, ""), (known, "Yes.")]):
        rows |= {f"form-{place}-id": row.pk, f"form-{place}-answer": answer}
    owner.post(address("knownanswer"), rows)

    assert dict(KnownAnswer.objects.values_list("question", "answer")) == {
        "Rinnai?": "Yes, we do.",
        "Any dogs?": "",
        "Are you licensed?": "Yes.",
    }
    assert [row[0] for row in cells(owner.get(address("knownanswer"), {"open": "yes"}))] == ["Any dogs? Open"]
    assert len(cells(owner.get(address("knownanswer"), {"open": "no"}))) == 2


def test_a_question_shows_each_call_whose_caller_waits_for_the_answer(owner, business):
    line = factories.make_line(business=business)
    calls = [factories.make_call(line=line) for _ in range(3)]
    for call in calls[:2]:
        answers.answer_question(call_id=call.pk, question="Do you clear snow?", now=call.rang_at)

    page = owner.get(address("knownanswer", "change", KnownAnswer.objects.get().pk)).content.decode()

    linked = re.findall(r"/admin/calls/call/(\d+)/change/", page)
    assert sorted(set(map(int, linked))) == [call.pk for call in calls[:2]]


def test_a_reader_sees_questions_without_numbers_and_answers_none(client, business):
    client.force_login(factories.make_staff("calls.view_knownanswer"))
    factories_trade.make_answer(business=business, question="Is 212-555-0123 your number?", answer="")

    page = client.get(address("knownanswer"), {"open": "yes"})

    assert cells(page)[0][0] == "Is •••23 your number? Open"
    assert "<textarea" not in page.content.decode()


def test_a_skill_that_nobody_has_is_seen(owner, business):
    factories_trade.make_service(business=business, skills=[factories_trade.make_skill(business=business, name="gas")])

    assert cells(owner.get(address("skill"))) == [["gas", "Nobody", "1"]]


def test_a_technician_is_saved_then_given_a_week(owner, business):
    data = {"business": business.pk, "name": "Dan", "number": "+1 212 555 0123", "is_active": "on"}

    response = owner.post(address("technician", "add"), data)

    dan = Technician.objects.get()
    assert response.url == address("technician", "change", dan.pk)
    assert dan.number == "+12125550123"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("", "Dan has no telephone: nobody can ring or text them in an emergency."),
        (
            "+15550108000",
            "+15550108000 has the right length, but lies in a range that is not in use as far as is known. Is it a "
            "slip?",
        ),
    ],
)
def test_a_technician_who_cannot_be_rung_is_warned_of(owner, business, number, sentence):
    data = {"business": business.pk, "name": "Dan", "number": number, "is_active": "on"}

    assert sentence in post(owner, address("technician", "add"), data)


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (
            ["Albany"],
            "The areas of Dan name towns alone, and the service area names postal codes too: the two cannot be "
            "compared. Add the postal codes that Dan goes to.",
        ),
        (
            ["12207"],
            "The areas of Dan name postal codes alone, and the service area names towns too: the two cannot be "
            "compared. Add the towns that Dan goes to.",
        ),
        (["not 12207"], "The areas of Dan only exclude: Dan is sent nowhere. Add where they do go."),
        (["Albany", "12207"], []),
        ([], []),
    ],
)
def test_areas_of_a_technician_that_cannot_match_are_warned_of(owner, business, own, sentence):
    make_area = factories_trade.make_area
    areas = {
        "Albany": make_area(business=business, kind="town", value="Albany"),
        "12207": make_area(business=business),
        "not 12207": make_area(business=business, is_excluded=True),
    }
    data = {"business": business.pk, "name": "Dan", "number": "+12125550123", "is_active": "on"}

    said = post(owner, address("technician", "add"), data | {"areas": [areas[name].pk for name in own]})

    assert said == ([sentence] if sentence else [])


def test_hours_that_lie_over_one_another_are_refused_beside_their_row(owner, business):
    dan = factories_trade.make_technician(business=business, name="Dan", number="+12125550123")
    data = {"business": business.pk, "name": "Dan", "number": "+12125550123", "is_active": "on"}
    data |= hours_form(prefix="time_off")

    spans = hours_form((0, "8:00", "12:00"), (0, "11:30", "17:00"), (1, "8:00", "17:00"), prefix="working_hours")
    refused = post(owner, address("technician", "change", dan.pk), data | spans)
    spans = hours_form((0, "8:00", "12:00"), (0, "12:00", "17:00"), prefix="working_hours")
    saved = post(owner, address("technician", "change", dan.pk), data | spans)

    assert refused == {"starts_at": ["Lies over Monday, 8:00 AM to 12:00 PM."]}
    assert saved == []
    assert [(row.weekday, row.starts_at) for row in dan.working_hours.all()] == [(0, time(8)), (0, time(12))]


def test_time_off_over_bookings_names_them_and_leads_to_sending_somebody_else(owner, business, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    dan = factories_trade.make_technician(business=business, name="Dan", number="+12125550123")
    service = factories_trade.make_service(business=business, name="Drain cleaning")
    hit = factories_trade.make_booking(service=service, technician=dan, reference="K7FCM4")
    later = factories_trade.TUESDAY_AT_NINE + timedelta(days=2)
    factories_trade.make_booking(service=service, technician=dan, starts_at=later)
    gone = factories_trade.TUESDAY_AT_NINE + timedelta(hours=2)
    factories_trade.make_booking(service=service, technician=dan, starts_at=gone, status="cancelled")
    off = {"starts_at_0": "2026-11-24", "starts_at_1": "00:00", "ends_at_0": "2026-11-25", "ends_at_1": "00:00"}
    data = {"business": business.pk, "name": "Dan", "number": "+12125550123", "is_active": "on"}
    data |= hours_form(prefix="working_hours") | hours_form(prefix="time_off") | {"time_off-TOTAL_FORMS": "1"}
    data |= {f"time_off-0-{name}": value for name, value in off.items()}

    said = post(owner, address("technician", "change", dan.pk), data)

    link = f'<a href="{address("booking", "reassign", hit.pk)}">K7FCM4 Drain cleaning</a>'
    assert said == [
        f"Dan is booked in the time off: {link}, Tuesday, November 24, 9:00 AM. Send somebody else, or move it."
    ]


def test_a_technician_is_shown_with_what_they_know_and_where_they_go(client, business):
    client.force_login(factories.make_staff("calls.view_technician"))
    drains = factories_trade.make_skill(business=business, name="drains")
    albany = factories_trade.make_area(business=business, kind="town", value="Albany")
    dan = factories_trade.make_technician(
        business=business, name="Dan", number="+12125550123", skills=[drains], areas=[albany]
    )
    factories_trade.make_technician(business=business, name="Eve", number="", is_active=False)

    assert cells(client.get(address("technician"))) == [
        ["Dan •••23", "drains", "Albany", "Active", "–"],
        ["Eve –", "–", "Everywhere that is served", "Not active", "No telephone"],
    ]
    assert "5550123" not in client.get(address("technician", "change", dan.pk)).content.decode()


def test_a_technician_who_has_written_stop_is_pointed_out_until_a_message_gets_through(owner, business):
    dan = factories_trade.make_technician(business=business, name="Dan", number="+12125550123")
    about = {"business": business, "to": dan.number, "purpose": "emergency", "body": "x"}

    def shown_after(minute, error_code):
        at = factories.RANG_AT + timedelta(minutes=minute)
        OutgoingMessage.objects.create(**about, key=str(minute), written_at=at, due_at=at, error_code=error_code)
        [[*_, attention]] = cells(owner.get(address("technician")))
        return attention

    assert [shown_after(0, ""), shown_after(1, "21610"), shown_after(2, "")] == ["–", "Has written STOP", "–"]


def test_the_page_of_a_business_holds_its_week_its_exceptions_and_its_rota(owner, business):
    technician = factories_trade.make_technician(business=business, name="Dan")
    factories_trade.make_technician(business=factories.make_business(name="Bluebird"), name="Stranger")
    factories_trade.make_on_call(technician=technician)

    page = owner.get(address("business", "change", business.pk)).content.decode()

    assert re.findall(r'id="(opening_\w+|rota)-group"', page) == ["opening_hours", "opening_exceptions", "rota"]
    rota = re.search(r'<select name="rota-0-technician".*?</select>', page, re.DOTALL).group()
    assert [html.unescape(name) for name in re.findall(r">([^<>]+)</option>", rota)] == ["---------", "Dan"]


def test_a_line_that_rings_first_says_what_it_lacks(owner, db):
    business = factories.make_business(handover_number="")
    data = {"number": "+12125550123", "label": "", "business": business.pk, "ring_seconds": "20"}
    data |= {"agent": factories.make_agent(business=business).pk, "answers": "outside_hours"}

    assert post(owner, address("phoneline", "add"), data) == [
        "There is no hand-over number that could ring first: the agent answers every call of this line.",
        "Cedar Plumbing has no opening hours: it counts as closed, and the agent answers every call.",
    ]
