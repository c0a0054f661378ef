"""POST /twilio/voice under load: of all who ring in the same moment as many get in as there is room for."""

import asyncio
from collections import Counter

import pytest
from asgiref.sync import ThreadSensitiveContext

from calls.models import Call, ListedNumber
from calls.views import guard
from tests import factories
from tests.twilio.kit import Twilio, dialed, spoken, verbs, voice_form

pytestmark = pytest.mark.asyncio

PERSON = "+15550108000"


def reasons():
    return Counter(Call.objects.values_list("end_reason", flat=True))


async def ring_at_once(forms, monkeypatch):
    """Each in a context of its own, as the server does it: else one request waits for the middleware of another."""
    monkeypatch.setattr(guard, "TIME_LIMIT_SECONDS", 30)  # who is counted is asked here, not how fast

    async def ring(form):
        async with ThreadSensitiveContext():
            return await Twilio().post("/twilio/voice", form)

    return await asyncio.gather(*(ring(form) for form in forms))


async def test_of_fifty_who_ring_at_once_ten_get_in_where_there_is_room_for_ten(line, stored, settings, monkeypatch):
    settings.CALLS_AT_ONCE = 10
    forms = [voice_form(factories.make_sid(), From=f"+155501002{n:02}", To=line.number) for n in range(50)]

    answers = await ring_at_once(forms, monkeypatch)

    assert Counter(tuple(verbs(answer)) for answer in answers) == {("Connect",): 10, ("Say", "Dial"): 40}
    assert {dialed(answer) for answer in answers} == {None, PERSON}
    assert await stored(reasons) == {"": 10, "overloaded": 40}


async def test_a_storm_from_one_number_gets_two_agents_and_rings_nobody(line, stored, settings, monkeypatch):
    settings.CALLS_PER_CALLER = 2
    forms = [voice_form(factories.make_sid(), To=line.number) for _ in range(20)]

    answers = await ring_at_once(forms, monkeypatch)

    assert Counter(tuple(verbs(answer)) for answer in answers) == {("Connect",): 2, ("Say", "Record", "Say"): 18}


async def test_a_blocked_caller_hears_a_sentence_and_the_line_goes_dead(twilio, line, stored):
    form = voice_form(factories.make_sid(), To=line.number)
    await stored(ListedNumber.objects.create, business=line.business, number=form["From"])

    answer = await twilio.post("/twilio/voice", form)

    assert (verbs(answer), spoken(answer)) == (
        ["Say", "Hangup"],
        "We are sorry, your call cannot be connected. Goodbye.",
    )
    assert await stored(reasons) == {"blocked": 1}
