"""Workers, webhooks and calls that do one thing at one moment: one emergency, one ring, and no limit is passed."""

import asyncio

import pytest

from calls import database
from calls.domain import callback_dialing, callbacks, emergencies, escalation
from calls.models import Callback, CallbackAttempt, Emergency, OutgoingEmail, Technician
from tests import factories
from tests.domain.telephones import Telephone

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

NOW = factories.RANG_AT
NUMBER = "+15550100001"


async def at_once(*works):
    return await asyncio.gather(*(database.run(work) for work in works))


def make_line(**fields):
    return factories.make_line(business=factories.make_business(email="owner@example.com", **fields))


async def test_words_and_the_tool_at_once_raise_one_emergency_and_ring_one_person():
    call = await database.run(lambda: factories.make_call(line=make_line()))
    telephone = Telephone()

    def by_words():
        if row := emergencies.raise_by_words(call_id=call.pk, kind="gas", text="I smell gas", now=NOW):
            escalation.escalate(emergency_id=row.pk, telephone=telephone, now=NOW)

    def by_tool():
        row = emergencies.report(call_id=call.pk, kind="gas", description="A smell of gas.", now=NOW)
        escalation.escalate(emergency_id=row.pk, telephone=telephone, now=NOW)

    await at_once(*[by_words, by_tool] * 8)

    emergency = await Emergency.objects.aget()
    assert (emergency.description, telephone.numbers) == ("A smell of gas.", ["+15550108000"])
    assert await OutgoingEmail.objects.acount() == 1


async def test_of_all_who_press_1_at_once_one_has_it_and_the_others_are_told():
    def ring_everybody():
        line = make_line()
        for rank in range(1, 5):
            technician = Technician.objects.create(business=line.business, name="Mike", number=f"+1555010700{rank}")
            line.business.rota.create(technician=technician, rank=rank)
        call = factories.make_call(line=line)
        row = emergencies.report(call_id=call.pk, kind="gas", description="Gas.", now=NOW)
        rung = []
        for _ in range(4):
            Emergency.objects.update(claimed_until=None)
            rung.append(escalation.escalate(emergency_id=row.pk, telephone=Telephone(), now=NOW))
        return rung

    def press(alert):
        return lambda: escalation.answer_alert(alert_id=alert.pk, call_sid="", digits="1", now=NOW).words

    answers = await at_once(*(press(alert) for alert in await database.run(ring_everybody)))

    assert sorted(answer == escalation.TAKEN for answer in answers) == [False, True, True, True]
    emergency = await Emergency.objects.select_related("accepted_by").aget()
    accepted = [alert.technician_id async for alert in emergency.alerts.filter(result="accepted")]
    assert accepted == [emergency.accepted_by_id]


def promise(line, number, count):
    words = {"reason": "a quote", "consent": "Yes.", "asked_at": NOW, "due_at": NOW}
    return [Callback.objects.create(business=line.business, number=number, **words).pk for _ in range(count)]


def ringing(telephone, pk):
    return lambda: callback_dialing.ring(callback_id=pk, telephone=telephone, now=NOW)


async def test_a_number_is_not_rung_twice_at_once_though_two_businesses_owe_it_a_call():
    telephone = Telephone()
    owed = [await database.run(promise, await database.run(make_line), NUMBER, 4) for _ in range(2)]

    await at_once(*(ringing(telephone, pk) for pair in zip(*owed, strict=True) for pk in pair))

    assert telephone.numbers == [NUMBER]
    assert await Callback.objects.filter(status="dialing").acount() == 1


async def test_a_number_is_rung_three_times_a_day_however_many_workers_there_are():
    telephone = Telephone()
    line = await database.run(make_line)
    owed = await database.run(promise, line, NUMBER, 8)
    for _ in range(5):
        await Callback.objects.filter(status="due").aupdate(due_at=NOW, claimed_until=None)
        await at_once(*(ringing(telephone, pk) for pk in owed))
        await CallbackAttempt.objects.aupdate(ended_at=NOW, result="talked")
        await Callback.objects.filter(status="dialing").aupdate(status="done")

    assert telephone.numbers == [NUMBER] * 3


async def test_the_calls_of_a_day_are_counted_by_one_worker_at_a_time():
    telephone = Telephone()
    line = await database.run(make_line, callbacks_a_day=3)
    owed = [await database.run(promise, line, f"+1555010010{digit}", 1) for digit in range(8)]

    await at_once(*(ringing(telephone, pk) for [pk] in owed))

    assert len(telephone.rung) == 3


async def test_calls_of_one_number_at_once_are_promised_one_callback():
    line = await database.run(make_line)
    calls = [await database.run(factories.make_call, line=line, from_number=NUMBER) for _ in range(8)]

    def asking(call):
        words = {"number": "", "reason": "a quote", "consent": "Yes.", "caller_name": ""}
        return lambda: callbacks.request_callback(call_id=call.pk, when=callbacks.When(), now=NOW, **words)

    await at_once(*map(asking, calls))

    assert await Callback.objects.acount() == 1
