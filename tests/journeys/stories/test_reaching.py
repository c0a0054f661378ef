"""Stories in which a person is reached, or is not: emergencies, hand-over, and a promise to ring back."""

from contextlib import ExitStack

import pytest
from django.utils import timezone

from calls import tasks, worker
from calls.domain import demo
from calls.emulators import scenario as scenarios
from calls.emulators import sound
from calls.emulators.phone_options import Callee
from calls.emulators.twilio_api import Person
from calls.lab import scratch
from calls.models import Callback, CallbackAttempt, Emergency
from tests.journeys.stories.network import BUSY, PRESSES_1, network_of

MARIA, DAN = "+15550107001", "+15550107002"
# The words of the caller raise an emergency too; these stories are about the model that hears them first.
LATE_TRANSCRIPTS = {"transcription_ms": 1500}


@pytest.fixture
def make_network(fast_station):
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(network_of(fast_station, **options))


@pytest.mark.proof
def test_who_is_on_call_accepts_an_emergency_and_who_is_asked_for_a_caller(make_stage, make_network):
    network = make_network(people={MARIA: PRESSES_1})
    stage = make_stage(**LATE_TRANSCRIPTS)

    emergency, asked = stage.play_all(["emergency_accepted", "transfer_accepted"], network=network)

    assert network.rung() == [MARIA]
    assert emergency.session.tools[0].result["say_first"].startswith("Please keep away from the water")
    assert Emergency.objects.get().raised_by == Emergency.RaisedBy.TOOL
    assert "A caller for Cedar Plumbing about a question. Press 1 to accept." in asked.said
    assert asked.row.handover_accepted_at is not None


@pytest.mark.proof
def test_who_does_not_accept_is_not_connected_and_the_next_one_is_rung(make_stage, make_network):
    network = make_network(people={MARIA: BUSY, DAN: PRESSES_1})
    stage = make_stage(**LATE_TRANSCRIPTS)
    declines = Callee(ring_ms=300, talk_ms=300, presses="2")

    _, refused = stage.play_all(["emergency_escalated", "transfer_refused"], network=network, callee=declines)

    assert network.rung() == [MARIA, DAN]
    [recorded] = refused.heard.recordings
    assert recorded.payload == sound.read(scenarios.AUDIO / "woman_message.ulaw")
    assert refused.row.recording_sid.startswith("RE")


@pytest.mark.proof
def test_words_raise_the_emergency_that_the_model_misses_and_nobody_answering_is_said(stage, make_network):
    network = make_network(person=BUSY)

    call = stage.play("emergency_unheard", network=network)

    assert network.rung() == [MARIA, DAN, MARIA, DAN]
    assert call.row.next_action == "Ring the caller now: nobody has accepted the emergency."


@pytest.mark.proof
def test_a_promise_to_ring_back_is_kept_by_the_worker(stage, make_network, fast_station, settings, monkeypatch):
    stage.play("callback_asked")
    promise = Callback.objects.get()
    answered = stage.story("callback_answered")
    network = make_network(people={promise.number: Person(callee=Callee(ring_ms=300), scenario=answered)})
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKENS = scratch.ACCOUNT_SID, [fast_station.token]
    settings.TWILIO_API_BASE_URL, settings.PUBLIC_BASE_URL = network.api.url, scratch.PUBLIC_URL
    told = []

    stage.town.emulator.scenarios[:] = [answered]
    [ringing] = [duty for duty in tasks.DUTIES if duty.queue == "ring_callbacks"]
    with monkeypatch.context() as later:
        later.setattr(timezone, "now", lambda: promise.due_at)
        assert worker.run_once(tell=told.append, duties=[ringing])
    network.settle()

    [record] = network.api.calls.values()
    assert (record.order.to, record.order.from_number) == (promise.number, demo.LINE_NUMBER)
    assert told == [f"callback {promise.pk}: rung"]
    assert stage.lacking(answered, record.result) == []
    promise.refresh_from_db()
    assert promise.status == Callback.Status.DONE
    assert CallbackAttempt.objects.get().result == "talked"
