"""The snapshot that a process answers from while the database does not."""

import stat
import time

import pytest
from django.db import OperationalError

from calls import database, standby
from calls.domain.snapshot import KnownLine, Snapshot
from calls.models import Business
from calls.standby import Standby
from tests import factories

NUMBER = "+15550109999"
KNOWN = Snapshot({NUMBER: KnownLine("Cedar Plumbing", "+15550108000")})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "lines.json"


@pytest.fixture
def line(transactional_db):
    return factories.make_line(number=NUMBER)


async def dead(*_, **__):
    raise OperationalError("unable to open database file")


def test_what_was_kept_on_disk_is_known_to_the_next_process_whose_database_is_dead(line, path, monkeypatch):
    Standby(lambda: path).refresh()
    monkeypatch.setattr(database, "run", dead)

    after = Standby(lambda: path)
    after.refresh()

    assert after.snapshot == KNOWN


def test_the_file_is_for_its_owner_alone_and_nothing_else_is_left_beside_it(line, path):
    Standby(lambda: path).refresh()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_database_that_dies_later_leaves_what_was_known(line, path, monkeypatch, caplog):
    kept = Standby(lambda: path)
    kept.refresh()
    monkeypatch.setattr(database, "run", dead)

    for _ in range(3):
        kept.refresh()

    assert kept.snapshot == KNOWN
    assert [record.getMessage() for record in caplog.records] == ["no new snapshot of the lines"]


@pytest.mark.parametrize("text", ["", '{"lines": {', "\x00\x01", '{"lines": {"+15550109999": 7}}'])
def test_a_broken_file_counts_as_none(path, text, caplog):
    path.parent.mkdir()
    path.write_text(text)

    assert Standby(lambda: path).snapshot == Snapshot()
    assert [record.getMessage() for record in caplog.records] == ["the snapshot on disk cannot be read"]


def test_a_missing_file_is_nothing_to_complain_of(path, caplog):
    assert (Standby(lambda: path).snapshot, caplog.records) == (Snapshot(), [])


def test_a_disk_that_takes_nothing_does_not_keep_the_memory_from_being_fresh(line, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    kept = Standby(lambda: tmp_path / "file" / "lines.json")

    kept.refresh()

    assert kept.snapshot == KNOWN
    assert [record.getMessage() for record in caplog.records] == ["the snapshot cannot be kept on disk"]


def test_what_the_owner_changes_is_known_at_the_next_look(line, path):
    kept = Standby(lambda: path, every_seconds=0.02)
    kept.start()
    try:
        await_equal(lambda: kept.snapshot, KNOWN)
        Business.objects.update(name="Oak Electric", handover_number="")
        await_equal(lambda: kept.snapshot, Snapshot({NUMBER: KnownLine("Oak Electric")}))
    finally:
        kept.stop()


def test_whatever_breaks_in_one_look_the_next_ones_go_on_and_it_is_told_once(line, path, monkeypatch, caplog):
    looks, ask = [], database.run

    async def odd(*asked):
        looks.append(asked)
        if len(looks) <= 3:
            raise RuntimeError("cannot schedule new futures")
        return await ask(*asked)

    monkeypatch.setattr(database, "run", odd)
    kept = Standby(lambda: path, every_seconds=0.02)
    kept.start()
    try:
        await_equal(lambda: kept.snapshot, KNOWN)
    finally:
        kept.stop()

    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [("ERROR", "the snapshot of the lines broke")]


def test_the_snapshot_is_looked_for_each_minute():
    assert standby.EVERY_SECONDS == 60


def await_equal(ask, wanted):
    deadline = time.monotonic() + 5
    while ask() != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ask() == wanted
