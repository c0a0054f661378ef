"""The clips that fill a wait: as loud as the agent, and the owner's before those that ship."""

import os
from base64 import b64decode
from pathlib import Path

import pytest

from calls.audio import level_dbov
from calls.relay import clips
from tests.relay.test_wav import recorded, with_a_chunk_longer_than_its_file

SPOKEN = sorted((Path(clips.__file__).parents[1] / "emulators" / "audio").glob("agent_*.ulaw"))


@pytest.mark.parametrize("name", clips.NAMES)
def test_what_ships_is_as_loud_as_every_spoken_line(name):
    clip = level_dbov(b64decode(clips.payload(name)))

    assert len(SPOKEN) > 30
    assert [line.name for line in SPOKEN if abs(level_dbov(line.read_bytes()) - clip) > 3] == []


def test_the_owners_clip_is_played_instead_as_soon_as_it_is_loaded(tmp_path):
    shipped = clips.payload("one_moment")
    (tmp_path / "one_moment.wav").write_bytes(recorded(ms=400))

    assert clips.payload("one_moment", tmp_path) == shipped
    clips.load(tmp_path)
    assert len(b64decode(clips.payload("one_moment", tmp_path))) == 3200
    assert clips.payload("let_me_check", tmp_path) == clips.payload("let_me_check")


def test_a_new_file_takes_the_place_of_the_old_one_and_none_brings_ours_back(tmp_path):
    path = tmp_path / "one_moment.wav"
    path.write_bytes(recorded(ms=400))
    clips.load(tmp_path)
    path.write_bytes(recorded(ms=600))
    clips.load(tmp_path)
    assert len(b64decode(clips.payload("one_moment", tmp_path))) == 4800

    path.unlink()
    clips.load(tmp_path)
    assert clips.payload("one_moment", tmp_path) == clips.payload("one_moment")


def test_the_longest_that_may_be_played_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(clips, "_own", {})
    ours = clips.longest_seconds("closing")
    (tmp_path / "closing.wav").write_bytes(recorded(ms=400))
    clips.load(tmp_path)
    shorter = clips.longest_seconds("closing")
    (tmp_path / "closing.wav").write_bytes(recorded(ms=4500))
    clips.load(tmp_path)

    assert (ours, shorter, clips.longest_seconds("closing")) == (25_312 / 8000, ours, 4.5)


def test_a_file_is_read_once_as_long_as_it_stays_the_same(tmp_path, monkeypatch):
    path = tmp_path / "one_moment.wav"
    path.write_bytes(recorded(ms=400))
    clips.load(tmp_path)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("read again"))

    clips.load(tmp_path)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"noise", "it is no WAV file of PCM"),
        (with_a_chunk_longer_than_its_file(), "it is no WAV file of PCM"),
        (bytes(3 << 20), "it is larger than 2 MB"),
    ],
    ids=["no WAV", "torn", "too large"],
)
def test_a_file_that_cannot_be_used_is_told_once_and_ours_is_played(tmp_path, caplog, data, why):
    (tmp_path / "let_me_check.wav").write_bytes(data)
    clips.load(tmp_path)
    clips.load(tmp_path)

    assert clips.payload("let_me_check", tmp_path) == clips.payload("let_me_check")
    assert [(r.message, r.clip, r.why) for r in caplog.records] == [("a clip cannot be used", "let_me_check.wav", why)]


def test_a_file_that_may_not_be_read_is_no_reason_for_silence(tmp_path, monkeypatch):
    path = tmp_path / "one_moment.wav"
    path.write_bytes(recorded(ms=400))
    monkeypatch.setattr(Path, "read_bytes", lambda self: os.stat("/none of this name"))

    clips.load(tmp_path)

    monkeypatch.undo()
    assert clips.payload("one_moment", tmp_path) == clips.payload("one_moment")
