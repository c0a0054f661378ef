"""The disk, the clock and the channel layer: what is wrong with them is seen by using them."""

import asyncio
import os
import shutil
import tempfile
import time
from collections import namedtuple
from email.utils import formatdate
from pathlib import Path

import pytest
from channels.layers import InMemoryChannelLayer

from calls.doctor import machine
from calls.doctor.machine import channel_layer, clock, disk
from calls.doctor.site import Site
from calls.doctor.visit import Visit
from tests.doctor.certificates import self_signed
from tests.doctor.house import House, Reply

pytestmark = pytest.mark.asyncio

Usage = namedtuple("Usage", "total used free")
MB = 1024 * 1024
NOBODY = 65534


async def of(check, **site):
    (finding,) = await check(Visit(Site(**site)))
    return finding


async def test_a_folder_with_room_is_well_and_left_as_it_was(tmp_path):
    finding = await of(disk, data_folder=str(tmp_path))

    assert (finding.level.value, finding.seen.endswith(" MB free")) == ("OK", True)
    assert str(tmp_path) in finding.seen
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_can_still_be_made_is_well(tmp_path):
    assert (await of(disk, data_folder=str(tmp_path / "not" / "yet"))).level.value == "OK"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("free", "level"), [(50, "FAIL"), (500, "WARN"), (5000, "OK")])
async def test_a_disk_that_is_nearly_full_is_told(tmp_path, monkeypatch, free, level):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10_000 * MB, 0, free * MB))

    finding = await of(disk, data_folder=str(tmp_path))

    assert (finding.level.value, f"{free} MB free" in finding.seen) == (level, True)


@pytest.mark.parametrize("name", ["file", "file/below"])
async def test_a_folder_that_is_none_is_told(tmp_path, name):
    (tmp_path / "file").write_text("")

    finding = await of(disk, data_folder=str(tmp_path / name))

    assert (finding.level.value, "cannot be written to" in finding.seen) == ("FAIL", True)


@pytest.fixture
def nobodys_folder():
    """Root may write everywhere: as root the test runs as nobody meanwhile."""
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        if is_root:
            os.seteuid(NOBODY)
        try:
            yield name
        finally:
            if is_root:
                os.seteuid(0)


async def test_a_folder_of_somebody_else_is_told(nobodys_folder, monkeypatch):
    monkeypatch.setattr(machine, "_database_folder", list)

    finding = await of(disk, data_folder=nobodys_folder)

    assert (finding.level.value, finding.seen) == ("FAIL", f"{nobodys_folder} cannot be written to: Permission denied")


async def test_without_a_channel_layer_none_is_asked(settings):
    assert (await of(channel_layer)).seen == "none is set up, and none is needed"


async def test_a_channel_layer_that_passes_on_is_well(monkeypatch):
    monkeypatch.setattr(machine, "get_channel_layer", InMemoryChannelLayer)

    finding = await of(channel_layer)

    assert (finding.level.value, finding.seen) == ("OK", "InMemoryChannelLayer passes on what it is given")


class Deaf(InMemoryChannelLayer):
    async def send(self, channel, message):
        pass


class Gone(InMemoryChannelLayer):
    async def new_channel(self, prefix=""):
        raise ConnectionRefusedError("redis://user:canary-password@127.0.0.1")


class Garbled(InMemoryChannelLayer):
    async def receive(self, channel):
        return {}


@pytest.mark.parametrize(
    ("layer", "seen"),
    [
        (Deaf, "Deaf: what was sent did not come within 0.1 s"),
        (Gone, "Gone: ConnectionRefusedError"),
        (Garbled, "Garbled: garbled"),
    ],
)
async def test_a_channel_layer_that_does_not_is_a_failure(monkeypatch, layer, seen):
    monkeypatch.setattr(machine, "get_channel_layer", layer)
    monkeypatch.setattr(machine, "LAYER_SECONDS", 0.1)

    finding = await of(channel_layer)

    assert (finding.level.value, finding.seen) == ("FAIL", seen)


def dated(seconds):
    return Reply(404, headers={"date": formatdate(time.time() + seconds, usegmt=True)})


@pytest.mark.parametrize(
    ("seconds", "level", "seen"),
    [
        (0, "OK", "within 1 s of 127.0.0.1"),
        (-20, "OK", "s of 127.0.0.1"),
        (60, "WARN", "60 seconds behind 127.0.0.1"),
        (-200, "WARN", "3 minutes ahead of 127.0.0.1"),
        (4 * 3600, "FAIL", "4 hours behind 127.0.0.1"),
        (-9 * 86400, "FAIL", "9 days ahead of 127.0.0.1"),
    ],
)
async def test_the_clock_is_held_against_that_of_others(seconds, level, seen):
    async with House(front=dated(seconds)) as house:
        finding = await of(clock, openai_url=f"ws://127.0.0.1:{house.port}/v1", public_base_url="http://127.0.0.1:1")

    assert (finding.level.value, finding.seen.endswith(seen)) == (level, True), finding.seen


async def test_the_one_that_differs_most_is_told():
    """A proxy beside us shares our clock, and would hide it behind one that is right."""
    async with House(front=dated(60)) as near, House(front=dated(-4000)) as far:
        finding = await of(clock, openai_url=f"ws://127.0.0.1:{far.port}/v1", public_base_url=near.base)

    assert (finding.level.value, finding.seen) == ("FAIL", "67 minutes ahead of 127.0.0.1")


async def test_the_public_address_tells_the_time_too():
    async with House(front=dated(4000)) as house:
        finding = await of(clock, openai_url="ws://127.0.0.1:1/v1", public_base_url=house.base)

    assert finding.seen == "67 minutes behind 127.0.0.1"


async def test_a_certificate_that_seems_out_of_date_keeps_nobody_from_telling_the_time(tmp_path):
    """As every certificate does where our clock is off by years; and nothing secret goes there."""
    heard = []

    async def tell(reader, writer):
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        date = formatdate(time.time() + 3 * 366 * 86400, usegmt=True)
        writer.write(f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    context = self_signed(tmp_path, days=(1000, 1200))
    async with await asyncio.start_server(tell, "127.0.0.1", 0, ssl=context) as server:
        base = f"https://user:canary@localhost:{server.sockets[0].getsockname()[1]}/?key=canary"
        finding = await of(clock, openai_url="ws://127.0.0.1:1/v1", public_base_url=base)

    assert (finding.level.value, finding.seen) == ("FAIL", "1098 days behind localhost")
    assert b"canary" not in b"".join(heard)


async def test_our_own_server_does_not_tell_us_the_time():
    async with House(front=dated(0)) as house:
        finding = await of(clock, openai_url="ws://127.0.0.1:1/v1", public_base_url=house.base, port=house.port)

    assert finding.level.value == "SKIPPED"
    assert finding.seen.startswith("nobody else told the time")


async def test_a_server_that_is_not_here_leaves_no_question_to_the_other_under_way(monkeypatch):
    asked = []

    async def instance_at(base, **options):
        if base.endswith(":9"):
            raise machine.Unreachable("refused", "nobody listens")
        await asyncio.sleep(0.05)
        asked.append(base)
        return "there"

    monkeypatch.setattr(machine, "instance_at", instance_at)

    assert not await machine._is_here(Visit(Site(public_base_url="http://127.0.0.1:8", port=9)))
    assert asked == ["http://127.0.0.1:8"]


@pytest.mark.parametrize("date", ["yesterday", "Thu, 99 Jan 2026 99:00:00 GMT", ""])
async def test_nobody_who_tells_the_time_is_a_reason_to_skip(date):
    async with House(front=Reply(200, headers={"date": date})) as house:
        finding = await of(clock, openai_url="wss://[broken", public_base_url=house.base)

    assert finding.level.value == "SKIPPED"


async def test_a_host_that_never_answers_holds_the_clock_for_seconds_only(monkeypatch):
    monkeypatch.setattr(machine, "CLOCK_SECONDS", 0.1)

    async def listen_only(reader, writer):
        while await reader.read(1000):
            pass
        writer.close()

    server = await asyncio.start_server(listen_only, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        finding = await of(clock, openai_url=f"ws://127.0.0.1:{port}", public_base_url=f"http://127.0.0.1:{port}")

    assert finding.level.value == "SKIPPED"
