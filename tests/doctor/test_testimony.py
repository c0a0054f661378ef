"""What the events of a call tell of the reason why its caller heard no agent."""

import pytest

from calls import database
from calls.doctor import testimony
from calls.models import CallEvent
from tests import factories

OWN_FAULT = ("OpenAI has a fault of its own", "Look at https://status.openai.com and try again.")
TOLD = {
    "by its code": ({"code": "server_error", "cause": "server_error"}, OWN_FAULT),
    "without a code": ({"code": "", "cause": "server_error"}, OWN_FAULT),
    "too old": ({"code": "session_expired"}, ("the session was an hour old", "Try again: a new session is opened.")),
    "not known": (
        {"code": "strange", "cause": "request"},
        ("OpenAI refused: strange", "Correct that in the agent: admin, Agents; then ask again."),
    ),
}


@pytest.mark.parametrize(("detail", "cause"), TOLD.values(), ids=TOLD)
@pytest.mark.parametrize("kind", ["response_failed", "openai_error"])
def test_a_failed_response_is_told_by_its_code_or_by_its_cause(kind, detail, cause):
    assert testimony._cause_in(CallEvent(kind=kind, detail=detail)) == cause


def test_a_lost_line_is_told_by_its_cause():
    assert testimony._cause_in(CallEvent(kind="line_lost", detail={"cause": "server_error"})) == OWN_FAULT


CLIP = {"kind": "filler", "detail": {}}
KEPT = {"kind": "first_audio", "detail": {"kept": True}}
OURS_ALONE = {
    "a clip": ([CLIP], True),
    "a kept greeting": ([KEPT, CLIP], True),
    "a clip, then the model": ([CLIP, {"kind": "first_audio", "detail": {"after_start_ms": 9}}], False),
    "a kept greeting, then the model": ([KEPT, {"kind": "answer", "detail": {}}], False),
    "nothing": ([], False),
}


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("events", "is_ours"), OURS_ALONE.values(), ids=OURS_ALONE)
async def test_sound_of_ours_alone_is_known_by_the_events(events, is_ours):
    call = await database.run(factories.make_call)
    for at_ms, event in enumerate([*events, {"kind": "ended", "detail": {}}]):
        await CallEvent.objects.acreate(call=call, at_ms=at_ms, **event)

    assert await testimony.was_never_the_model(call.call_sid) is is_ours
