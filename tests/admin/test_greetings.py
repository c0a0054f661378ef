"""The kept greeting on the page of its agent: seen, heard, removed."""

import io
import wave

import pytest

from calls.admin import greetings
from calls.audio import MULAW_TO_LINEAR
from calls.domain import persona
from calls.models import KeptGreeting
from tests import factories
from tests.admin.pages import address, said, text_of, words

SOUND = bytes(range(256)) * 40


@pytest.fixture
def agent(db, settings):
    settings.OPENAI_REALTIME_MODEL = "gpt-realtime-2.1"
    return factories.make_agent()


@pytest.fixture
def kept(agent):
    recorded = {"host": "api.openai.com", "sound": SOUND, "ms": 5840}
    return factories.make_kept_greeting(agent=agent, text=persona.greeting_of(agent), **recorded)


def page_of(client, agent):
    return client.get(address("agent", "change", agent.pk))


def section(client, agent):
    page = page_of(client, agent).content.decode()
    return words(page[page.index('<section class="kept"') : page.index("</section>")])


def test_the_page_says_what_callers_hear_and_plays_it(owner, agent, kept):
    assert section(owner, agent) == (
        "Kept greeting Played at once Thanks for calling Cedar Plumbing. This is Cortana, an automated assistant. How "
        "can I help you today? 5.8 s, recorded Nov 20, 10:04 AM from the voice marin of gpt-realtime-2.1. Callers hear "
        "it the moment they are connected, while OpenAI is still being reached. Remove the kept greeting"
    )
    player = f'<audio class="player" controls preload="none" src="{address("agent", "greeting", agent.pk)}"></audio>'
    assert player in page_of(owner, agent).content.decode()


def test_without_one_the_page_says_how_it_comes_about(owner, agent):
    assert section(owner, agent).startswith("Kept greeting None yet. The first call that hears the greeting to its end")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"greeting": "Good day."}, "words"),
        ({"records_calls": True}, "words"),
        ({"voice": "cedar"}, "voice"),
        ({"model": "gpt-realtime-2.1-mini", "voice": "cedar"}, "voice and model"),
    ],
)
def test_one_that_fits_no_more_is_not_played_and_says_why(owner, agent, kept, change, what):
    for name, value in change.items():
        setattr(agent, name, value)
    agent.save()

    shown = section(owner, agent)
    assert shown.startswith("Kept greeting Not played")
    assert f"Since then the {what} changed: the next call records it anew." in shown


def test_a_new_model_for_all_counts_for_agents_without_their_own(owner, agent, kept, settings):
    settings.OPENAI_REALTIME_MODEL = "gpt-realtime-2.1-mini"

    assert "the model changed" in section(owner, agent)


def test_one_that_an_emulator_has_said_is_not_played(owner, agent, kept, settings):
    settings.OPENAI_REALTIME_URL = "ws://127.0.0.1:8765/v1/realtime"

    assert "the address of OpenAI changed" in section(owner, agent)


def test_the_sound_is_a_wav_that_every_browser_plays(owner, agent, kept):
    response = owner.get(address("agent", "greeting", agent.pk))

    assert (response.status_code, response["Content-Type"]) == (200, "audio/wav")
    assert {"private", "no-store"} <= set(response["Cache-Control"].split(", "))
    with wave.open(io.BytesIO(response.content)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        frames = file.readframes(256)
    samples = [int.from_bytes(frames[i : i + 2], "little", signed=True) for i in range(0, 512, 2)]
    assert samples == list(MULAW_TO_LINEAR)


def test_a_player_may_jump_about_in_it(owner, agent, kept):
    whole = greetings.wav_of(SOUND)

    response = owner.get(address("agent", "greeting", agent.pk), headers={"Range": "bytes=100-199"})

    assert (response.status_code, response.content) == (206, whole[100:200])
    assert response["Content-Range"] == f"bytes 100-199/{len(whole)}"


def test_the_button_removes_it_and_the_next_call_records_a_new_one(owner, agent, kept):
    response = owner.post(address("agent", "remove_greeting", agent.pk))

    assert (response.status_code, response["Location"]) == (302, address("agent", "change", agent.pk))
    assert said(response) == ["The kept greeting is removed. The next call records a new one."]
    assert KeptGreeting.objects.count() == 0
    assert "Kept greeting removed" in text_of(owner.get(address("agent", "history", agent.pk)))
    assert said(owner.post(address("agent", "remove_greeting", agent.pk))) == []


def test_nothing_is_removed_by_following_a_link(owner, agent, kept):
    assert owner.get(address("agent", "remove_greeting", agent.pk)).status_code == 405
    assert KeptGreeting.objects.count() == 1


def test_who_may_only_look_hears_it_and_removes_nothing(client, agent, kept):
    client.force_login(factories.make_staff("calls.view_agent"))

    assert client.get(address("agent", "greeting", agent.pk)).status_code == 200
    assert "Remove" not in section(client, agent)
    assert client.post(address("agent", "remove_greeting", agent.pk)).status_code == 403
    assert KeptGreeting.objects.count() == 1


@pytest.mark.parametrize("verb", ["greeting", "remove_greeting"])
def test_nobody_else_comes_near_it(client, agent, kept, verb):
    stranger = client.get(address("agent", verb, agent.pk))
    client.force_login(factories.make_staff("calls.view_call"))

    assert (stranger.status_code, client.get(address("agent", verb, agent.pk)).status_code) == (302, 403)


def test_what_is_not_there_is_not_found(owner, agent):
    assert owner.get(address("agent", "greeting", agent.pk)).status_code == 404
    assert owner.get(address("agent", "greeting", 0)).status_code == 404
    assert owner.post(address("agent", "remove_greeting", 0)).status_code == 404


def test_an_agent_is_added_without_one(owner):
    page = owner.get(address("agent", "add")).content.decode()

    assert '<section class="kept"' not in page
