"""The sound of a call: behind login, from one folder, and piece by piece for a player."""

import pytest

from calls.admin import recordings
from tests import factories
from tests.admin.pages import address

SOUND = bytes(range(256)) * 8


@pytest.fixture
def call(db, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "CA1.wav").write_bytes(SOUND)
    (tmp_path / "secret.wav").write_bytes(b"secret")
    return factories.make_ended_call(audio_file="CA1.wav")


def sound_of(client, call, **headers):
    return client.get(address("call", "audio", call.pk), headers=headers)


def test_the_whole_file_is_for_whoever_may_see_the_call(clerk, call):
    response = sound_of(clerk, call)

    assert (response.status_code, response.content, response["Content-Type"]) == (200, SOUND, "audio/wav")
    assert response["Accept-Ranges"] == "bytes"
    assert {"private", "no-store"} <= set(response["Cache-Control"].split(", "))


def test_nobody_else_hears_it(client, call):
    stranger = sound_of(client, call)
    client.force_login(factories.make_staff("calls.view_message"))

    assert (stranger.status_code, sound_of(client, call).status_code) == (302, 403)


@pytest.mark.parametrize(
    ("asked", "status", "told", "piece"),
    [
        ("bytes=0-", 206, "bytes 0-2047/2048", SOUND),
        ("bytes=2040-", 206, "bytes 2040-2047/2048", SOUND[2040:]),
        ("bytes=10-19", 206, "bytes 10-19/2048", SOUND[10:20]),
        ("bytes=10-9999", 206, "bytes 10-2047/2048", SOUND[10:]),
        ("bytes=2048-", 416, "bytes */2048", b""),
    ],
)
def test_a_player_asks_for_pieces(clerk, call, asked, status, told, piece):
    response = sound_of(clerk, call, Range=asked)

    assert (response.status_code, response["Content-Range"], response.content) == (status, told, piece)


def test_no_piece_is_larger_than_its_limit(clerk, call, monkeypatch):
    monkeypatch.setattr(recordings, "PIECE", 100)

    response = sound_of(clerk, call, Range="bytes=50-")

    assert (response["Content-Range"], len(response.content)) == ("bytes 50-149/2048", 100)


@pytest.mark.parametrize("name", ["", "gone.wav", "../secret.wav", "..", "."])
def test_nothing_but_a_file_of_the_folder_is_played(clerk, call, name):
    call.audio_file = name
    call.save()

    assert sound_of(clerk, call).status_code == 404
    assert "<audio" not in clerk.get(address("call", "change", call.pk)).content.decode()


def test_the_page_of_the_call_plays_it_only_when_asked(clerk, call):
    page = clerk.get(address("call", "change", call.pk)).content.decode()

    assert f'<audio class="player" controls preload="none" src="{address("call", "audio", call.pk)}">' in page


@pytest.mark.parametrize(
    ("url", "players"), [("https://api.twilio.com/Recordings/RE1", 1), ("https://elsewhere.example.com/RE1", 0)]
)
def test_a_voicemail_is_played_from_twilio_alone(clerk, db, url, players):
    call = factories.make_ended_call(recording_url=url)

    page = clerk.get(address("call", "change", call.pk)).content.decode()

    assert page.count("<audio") == players
    assert f'href="{url}"' in page
