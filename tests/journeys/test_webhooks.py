"""Calls whose requests come in other ways than the plain one: thin, twice, by the fallback address, in a circle."""

import re

import pytest

from calls.emulators.phone import Callee, Faults
from calls.models import Call
from tests.journeys.conftest import LINE, PERSON, QUICK_CALLEE, story

SHORT = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
- agent: {text: "From eight until six."}
- wait_ms: 200
- hang_up: true
"""
GREETING = """
- agent: {text: "How can I help?"}
- wait_ms: 200
- hang_up: true
"""
SPOKEN = [("agent", "How can I help?"), ("caller", "When are you open?"), ("agent", "From eight until six.")]


def test_call_without_any_optional_field_is_a_call(town):
    call = town.ring(story(SHORT), faults=Faults(thin=True))

    assert call.turns == SPOKEN
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.CALLER_HANGUP)


def test_message_of_an_unknown_kind_changes_nothing(town):
    assert town.ring(story(SHORT), faults=Faults(unknown_event=True)).turns == SPOKEN


def test_duplicate_webhook_makes_one_call_and_one_greeting(town):
    call = town.ring(story(SHORT), faults=Faults(duplicate_webhook=True))

    first, again = [exchange for exchange in call.heard.http if exchange.purpose.startswith("voice")]
    assert (first.body, first.status) == (again.body, again.status)
    assert Call.objects.get() == call.row
    assert call.turns == SPOKEN
    asked = [event for event in call.session.received("response.create") if "metadata" not in event["response"]]
    assert len(asked) == 1  # the greeting; the note about the call, asked for when it is over, is none


@pytest.mark.parametrize(
    "faults", [Faults(fallback_first=True), Faults(error_at_voice=True)], ids=["at its address", "at the voice address"]
)
def test_fallback_request_is_answered_with_a_voice_and_a_person(town, faults):
    call = town.ring(story(SHORT), faults=faults)

    assert call.sessions == []
    assert call.heard.verbs[:2] == ["Say", "Dial"]
    assert [detail for _, kind, detail in call.clock if kind == "dial"] == [PERSON]
    assert call.row.handover_number == PERSON
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.INTERNAL_ERROR)
    assert (call.row.handover_result, call.row.outcome) == ("completed", Call.Outcome.TRANSFERRED)
    assert "fallback" in call.kinds


def test_forwarding_loop_ends_in_a_voicemail_after_one_hop(town, line):
    line.agent = None
    line.save()

    call = town.ring(story("[]"), callee=Callee(calls_back=True, **QUICK_CALLEE))

    [leg] = call.heard.legs
    second = Call.objects.get(call_sid=leg.call_sid)
    assert leg.legs == []
    assert leg.verbs == ["Say", "Record"]
    assert call.sessions == []
    assert (second.status, second.end_reason) == (Call.Status.ENDED, Call.EndReason.VOICEMAIL)
    assert re.fullmatch(r"https://api\.twilio\.com/\S+/Recordings/RE\w+", second.recording_url)
    assert Call.objects.count() == 2


def test_forwarding_loop_behind_a_stream_that_was_lost_reaches_no_second_agent(town):
    lost = """
    - agent: {text: "How can I help?"}
    - say: {text: "When are you open?"}
    - agent: {fault: drop}
    """

    call = town.ring(story(lost), callee=Callee(calls_back=True, **QUICK_CALLEE), troubled=True)

    [leg] = call.heard.legs
    assert (call.heard.verbs[:3], leg.verbs, leg.legs) == (["Connect", "Say", "Dial"], ["Say", "Record"], [])
    assert (len(call.heard.streams), leg.streams) == (1, [])
    assert call.row.end_reason == Call.EndReason.UPSTREAM_LOST


def test_second_call_while_nothing_is_handed_over_reaches_the_agent_again(town):
    first = town.ring(story(GREETING))
    second = town.ring(story(GREETING))

    assert (first.turns, second.turns) == (SPOKEN[:1], SPOKEN[:1])
    assert first.row != second.row


def test_unsigned_webhook_opens_nothing(town):
    call = town.ring(story(SHORT), faults=Faults(signature="none"), troubled=True)

    assert call.row is None
    assert call.sessions == []
    assert call.heard.apology is True
    assert {exchange.status for exchange in call.heard.http} == {403}


def test_stream_with_a_wrong_token_opens_no_session(town):
    call = town.ring(story(SHORT), faults=Faults(token="forged"), troubled=True)

    assert call.sessions == []
    assert call.heard.streams[0].close_code == 1008
    assert call.heard.verbs[:3] == ["Connect", "Say", "Dial"]
    assert Call.objects.get().to_number == LINE


def test_token_works_once(town):
    call = town.ring(story(SHORT), faults=Faults(second_socket=True))

    assert call.heard.second_socket_close == 1008
    assert call.turns == SPOKEN
    assert len(call.sessions) == 1
