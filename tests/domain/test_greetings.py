"""Which greeting is played: the one of exactly these words, this voice and this model."""

from datetime import timedelta

import pytest

from calls.domain import greetings, persona, streams
from calls.models import KeptGreeting
from tests import factories
from tests.domain.test_streams import SECRET, ringing, token_of

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
WORDS = {"text": "Hello.", "voice": "marin", "model": "gpt-realtime-2.1", "host": "api.openai.com"}


@pytest.fixture
def agent():
    return factories.make_agent()


def keep(agent, sound, **fields):
    greetings.keep(agent_id=agent.pk, sound=sound, ms=len(sound) // 8, **WORDS | {"now": NOW} | fields)


def admitted_to(agent, host="127.0.0.1", **fields):
    call = ringing(line=factories.make_line(agent=agent), **fields)
    return streams.admit_stream(
        call_sid=call.call_sid,
        account_sid=call.account_sid,
        stream_sid=factories.make_sid("MZ"),
        token=token_of(call),
        secret_key=SECRET,
        is_token_required=True,
        now=NOW,
        default_model="gpt-realtime-2.1",
        realtime_host=host,
    )


def test_a_kept_greeting_is_found_by_its_words_voice_and_model(agent):
    keep(agent, b"hello")

    assert greetings.sound_for(agent_id=agent.pk, **WORDS) == b"hello"


@pytest.mark.parametrize(
    "other", [{"text": "Hello!"}, {"voice": "cedar"}, {"model": "gpt-realtime-2.1-mini"}, {"host": "127.0.0.1"}]
)
def test_any_other_word_voice_model_or_host_is_not_it(agent, other):
    keep(agent, b"hello")

    assert greetings.sound_for(agent_id=agent.pk, **WORDS | other) == b""


def test_what_changes_takes_the_place_of_the_old_one(agent):
    keep(agent, b"hello")
    keep(agent, b"good day", text="Good day.", now=NOW + timedelta(days=1))

    kept = KeptGreeting.objects.get()
    assert (bytes(kept.sound), kept.text, kept.ms, kept.made_at) == (
        b"good day",
        "Good day.",
        1,
        NOW + timedelta(days=1),
    )
    assert greetings.sound_for(agent_id=agent.pk, **WORDS) == b""


def test_the_first_of_two_calls_that_record_it_at_once_wins(agent):
    keep(agent, b"first")
    keep(agent, b"second")

    assert greetings.sound_for(agent_id=agent.pk, **WORDS) == b"first"


def test_one_that_was_removed_is_gone(agent):
    keep(agent, b"hello")

    assert [greetings.remove(agent_id=agent.pk), greetings.remove(agent_id=agent.pk)] == [True, False]
    assert greetings.sound_for(agent_id=agent.pk, **WORDS) == b""


def test_the_greeting_of_another_agent_is_never_played(agent):
    keep(agent, b"hello")

    assert greetings.sound_for(agent_id=factories.make_agent().pk, **WORDS) == b""


def test_a_call_is_admitted_with_the_greeting_that_fits(agent):
    factories.make_kept_greeting(agent=agent, text=persona.greeting_of(agent), sound=b"hello")

    assert (admitted_to(agent).kept_greeting, admitted_to(agent).model) == (b"hello", "gpt-realtime-2.1")


def test_what_an_emulator_has_said_is_not_played_to_callers_of_openai(agent):
    factories.make_kept_greeting(agent=agent, text=persona.greeting_of(agent), host="127.0.0.1")

    assert admitted_to(agent, host="api.openai.com").kept_greeting == b""


@pytest.mark.parametrize("change", [{"greeting": "Good day."}, {"voice": "cedar"}, {"model": "gpt-realtime-2.1-mini"}])
def test_a_changed_agent_is_admitted_without_it(agent, change):
    factories.make_kept_greeting(agent=agent, text=persona.greeting_of(agent))
    for name, value in change.items():
        setattr(agent, name, value)
    agent.save()

    assert admitted_to(agent).kept_greeting == b""


def test_the_consent_sentence_is_part_of_the_words(agent):
    factories.make_kept_greeting(agent=agent, text=persona.greeting_of(agent))
    agent.records_calls = True
    agent.save()

    assert admitted_to(agent).kept_greeting == b""


def test_a_call_that_has_a_greeting_of_its_own_is_admitted_without_it(agent, monkeypatch):
    factories.make_kept_greeting(agent=agent, text=persona.greeting_of(agent))
    own = persona.greeting_of(agent)
    monkeypatch.setattr(persona.callbacks, "callback_of", lambda call: "a callback")
    monkeypatch.setattr(persona.callbacks, "greeting_of", lambda call, callback: own)
    monkeypatch.setattr(persona, "instructions_for", lambda **_: "")

    admitted = admitted_to(agent)

    assert (admitted.kept_greeting, admitted.persona.has_standing_greeting) == (b"", False)
