"""The machine beneath: room on its disk, its clock, the channel layer of its processes."""

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from errno import EACCES
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from channels.layers import get_channel_layer
from django.db import connection

from calls.doctor.aside import aside
from calls.doctor.exchange import Unreachable, request
from calls.doctor.findings import FAIL, OK, SKIPPED, WARN, Finding, saying
from calls.doctor.visit import Visit, instance_at, is_web_address

MB = 1024 * 1024
LITTLE_MB, TOO_LITTLE_MB = 1024, 100
LAYER_SECONDS = 3.0
CLOCK_SECONDS = 3.0
OFF_SECONDS, FAR_OFF_SECONDS = 30, 300
_LOST = "Recordings, the texts that are played while the database is gone, and on SQLite every call would be lost."


async def disk(visit: Visit) -> list[Finding]:
    """The folder of the data, and on SQLite that of the database, can be written to and have room."""
    said = saying("disk", "Disk")
    folders = {Path(visit.site.data_folder or "var"), *_database_folder()}
    rooms = {}
    for folder in sorted(folders):
        try:
            rooms[folder] = await aside(room_mb, folder)
        except OSError as error:
            remedy = f"Let the user of the server write there: chown or chmod {folder}; or set DATA_DIR in .env."
            return [
                said(FAIL, f"{folder} cannot be written to: {error.strerror or type(error).__name__}", _LOST, remedy)
            ]
    folder, least = min(rooms.items(), key=lambda room: room[1])
    if least >= LITTLE_MB:
        return [said(OK, f"{', '.join(str(one) for one in rooms)} can be written to, {least} MB free")]
    remedy = f"Make room: see what is large with du -xh {folder} | sort -h | tail; or set DATA_DIR in .env elsewhere."
    level, means = (FAIL, _LOST) if least < TOO_LITTLE_MB else (WARN, "It may be full within days.")
    return [said(level, f"{least} MB free at {folder}", means, remedy)]


def _database_folder() -> Iterable[Path]:
    name = str(connection.settings_dict["NAME"])
    return [Path(name).parent] if connection.vendor == "sqlite" and not name.startswith("file:") else []


def room_mb(folder: Path) -> int:
    """The megabytes that this process may still write there. Raises OSError."""
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if place != folder and not (place.is_dir() and os.access(place, os.W_OK)):
        raise PermissionError(EACCES, "it is not there and cannot be made")
    if place == folder:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"written by the doctor")
    return shutil.disk_usage(place).free // MB


async def channel_layer(visit: Visit) -> list[Finding]:
    """What is sent to a channel arrives; without a layer in the settings there is none to be sane."""
    said = saying("channel-layer", "Channel layer")
    remedy = "Look at CHANNEL_LAYERS in voiceagent/settings.py, and whether its Redis runs: redis-cli ping"
    means = "What is shown of calls while they go on comes late or not at all; calls themselves do not need it."
    layer = get_channel_layer()
    if layer is None:
        return [said(OK, "none is set up, and none is needed")]
    name = type(layer).__name__
    try:
        async with asyncio.timeout(LAYER_SECONDS):
            came = await _through(layer)
    except TimeoutError:
        return [said(FAIL, f"{name}: what was sent did not come within {LAYER_SECONDS:g} s", means, remedy)]
    except OSError as error:
        return [said(FAIL, f"{name}: {type(error).__name__}", means, remedy)]
    return [said(OK, f"{name} passes on what it is given") if came else said(FAIL, f"{name}: garbled", means, remedy)]


async def _through(layer: Any) -> bool:
    channel = await layer.new_channel("doctor.")
    message = {"type": "doctor.look", "word": secrets.token_hex(8)}
    await layer.send(channel, message)
    return bool(await layer.receive(channel) == message)


async def clock(visit: Visit) -> list[Finding]:
    """Our clock against the Date header of OpenAI's host and of the public address."""
    said = saying("clock", "Clock")
    public = _web_address(visit.site.public_base_url)
    bases = dict.fromkeys([_web_address(visit.site.openai_url), public])
    asked = [base for base in bases if is_web_address(base)]
    told = await asyncio.gather(*(_seconds_behind(base) for base in asked))
    behind = [(urlsplit(base).hostname, by) for base, by in zip(asked, told, strict=True) if by is not None]
    if not behind:
        return [said(SKIPPED, "nobody told the time: neither OpenAI's host nor the public address sent a Date")]
    if [base for base, by in zip(asked, told, strict=True) if by is not None] == [public] and await _is_here(visit):
        return [said(SKIPPED, "nobody else told the time: the public address leads to the server on this machine")]
    host, seconds = max(behind, key=lambda one: abs(one[1]))
    if abs(seconds) <= OFF_SECONDS:
        hosts = " and ".join(dict.fromkeys(str(name) for name, _ in behind))
        return [said(OK, f"within {max(1, round(abs(seconds)))} s of {hosts}")]
    seen = f"{_span(abs(seconds))} {'behind' if seconds > 0 else 'ahead of'} {host}"
    means = "Appointments, callbacks and the times of calls are off; certificates may seem not valid."
    remedy = "Set the clock by the network: sudo timedatectl set-ntp true; on a virtual machine look at its host."
    return [said(FAIL if abs(seconds) > FAR_OFF_SECONDS else WARN, seen, means, remedy)]


def _web_address(url: str) -> str:
    """The host of an address, to be asked over HTTP, without anything that may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme.replace('ws', 'http', 1)}://{parts.netloc.rpartition('@')[2]}"


async def _is_here(visit: Visit) -> bool:
    """Whether the public address is answered by the server on this machine, and so by our own clock."""
    site = visit.site
    # Both to their end: what is left under way when the other is refused is a connection that nobody closes.
    here, there = await asyncio.gather(
        instance_at(site.local_base_url, seconds=CLOCK_SECONDS),
        instance_at(_web_address(site.public_base_url), seconds=CLOCK_SECONDS, is_verified=False),
        return_exceptions=True,
    )
    for refused in (here, there):
        if isinstance(refused, Unreachable):
            return False
        if isinstance(refused, BaseException):
            raise refused
    return bool(here) and here == there


async def _seconds_behind(base: str) -> float | None:
    """By how much our clock is behind that of `base`; None when it does not tell.

    Where our clock is far off no certificate seems valid, so none is asked for.
    """
    asked_at = time.time()
    try:
        answer = await request(f"{base}/", seconds=CLOCK_SECONDS, is_verified=False)
        there = parsedate_to_datetime(answer.headers.get("date", ""))
    except (Unreachable, ValueError):
        return None
    here = (asked_at + time.time()) / 2
    return there.timestamp() + 0.5 - here  # a Date names the second that has begun


def _span(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{round(seconds / size)} {unit}s"
    return f"{round(seconds)} seconds"
