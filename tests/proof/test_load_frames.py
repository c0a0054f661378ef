"""Nonsense from both sides between good sound, and four hours of sound in one call. Prints its figures (`-s`)."""

import asyncio
import json
import random
import time
from base64 import b64encode

import pytest

from calls.lab import load
from calls.lab.load import MIB
from calls.lab.thin import HALF_SECOND, LINE, Model
from calls.models import Call
from tests import factories
from tests.proof.load_kit import figure, running_server

pytestmark = pytest.mark.proof

SEED = 20261120
EVENTS = 100_000
BAD_FRAMES = 10_000
GOOD_FRAMES = 2_000
HOURS = 4
FRAMES = HOURS * load.FRAMES_AN_HOUR
STALL_SILENCE = b64encode(bytes([0xFF]) * 8000)


def payloads(chance):
    """Sounds that nobody else sends: each its own 160 bytes."""
    while True:
        yield b64encode(chance.randbytes(160)).decode()


async def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what is waited for never came"
        await asyncio.sleep(0.005)


# Twilio's side


def bad_frame(chance, stream_sid):
    """One of what T12 and T13 name. Two frames of more than 64 KiB are allowed in a call; the third ends it."""
    good = json.dumps({"event": "media", "streamSid": stream_sid, "media": {"payload": "AAAA" * 40}})
    cut = chance.randrange(1, len(good) - 1)
    return chance.choice(
        [
            good[:cut],
            good.replace(":", chance.choice(["", "=", "::"]), 1),
            chance.randbytes(chance.randrange(300)),
            "[1, 2, 3]",
            "7",
            "",
            '{"a":' * 200 + "1" + "}" * 200,
            '{"event": 7}',
            '{"event":"media","media":{"payload":"' + "*" * chance.randrange(1, 50) + '"}}',
            '{"event":"media","media":{"payload":"A"}}',
            '{"event":"media","media":{"payload":""}}',
            '{"event":"media","media":{}}',
            '{"event":"media","media":"' + "A" * 60_000 + '"}',
            '{"event":"dtmf","dtmf":{"digit":"55"}}',
            '{"event":"mark"}',
            '{"event":"weather","weather":{}}',
            json.dumps({"event": "media", "streamSid": "MZ0", "media": {"payload": "AAAA" * 40}}),
            json.dumps({"event": "stop", "streamSid": "MZ0"}),
        ]
    )


async def bad_frames_between_good_ones(house, model):
    chance = random.Random(SEED)
    sounds, heard = payloads(chance), []
    model.on_sound = lambda payload: heard.append(payload)
    caller = await house.caller().ring()
    await asyncio.wait_for(caller.first_sound.wait(), 10)
    before = (await asyncio.to_thread(house.watch.held)).rss
    said = []
    for number in range(BAD_FRAMES):
        caller.put(bad_frame(chance, caller.stream_sid))
        if number % (BAD_FRAMES // 2) == 0:
            caller.put("x" * 70_000)
        if number % (BAD_FRAMES // GOOD_FRAMES) == 0:
            said.append(next(sounds))
            caller.say(said[-1])
        if number % 50 == 0:
            await caller.drain()
            await until(lambda: len(heard) >= len(said) - 100)
    await until(lambda: len(heard) >= len(said))
    growth = (await asyncio.to_thread(house.watch.held)).rss - before
    is_open = caller.is_open
    await caller.hang_up()
    return is_open, [payload.decode() for payload in heard] == said, growth


# OpenAI's side


TYPES = [
    "session.created",
    "session.updated",
    "error",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.deleted",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.failed",
    "response.created",
    "response.done",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.function_call_arguments.delta",
    "rate_limits.updated",
    "no.such.event",
]
HARMLESS_ERRORS = ["conversation_already_has_active_response", "response_cancel_not_active", "item_not_found", "", 7]


def some_value(chance, depth=0):
    """Anything that JSON can hold, and often what a field of this protocol holds."""
    kind = chance.randrange(12)
    if kind < 4:
        return f"item_{chance.randrange(1500)}"
    if kind == 4:
        return chance.choice(["", "x" * chance.randrange(3000), "\x00", "é☎\U0001f4de", "null"])
    if kind == 5:
        return chance.choice([0, -1, 1, 2**31, 2**63 - 1, -(2**63), 1e308, 0.5])
    if kind == 6:
        return chance.choice([True, False, None])
    if kind == 7:
        return b64encode(chance.randbytes(chance.choice([0, 1, 160, 1600]))).decode()
    if kind == 8 and depth < 4:
        return [some_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    if depth < 4:
        names = ["id", "type", "role", "status", "call_id", "arguments", "audio", "format", "usage", "content"]
        return {chance.choice(names): some_value(chance, depth + 1) for _ in range(chance.randrange(5))}
    return "deep"


def fuzzed_event(chance, number):
    """An event whose fields are right, wrong, missing or too many; sometimes no event at all. What would rightly end a
    call is left out: errors of key and account, sessions that expire, a goodbye."""
    if chance.randrange(20) == 0:
        return chance.choice([b"\xff\xfe", b"", b"[]", b"null", b'"x"', b'{"type":', b"{" * 5000, b'{"type":7}'])
    type_ = chance.choice(TYPES)
    ids = {
        "item_id": f"item_{chance.randrange(1500)}",
        "response_id": f"resp_{chance.randrange(1000)}",
        "previous_item_id": f"item_{chance.randrange(1500)}",
        "content_index": chance.choice([0, 0, 0, 1, -1, 40, "0"]),
    }
    event = {
        "type": type_,
        **ids,
        "delta": b64encode(chance.randbytes(160)).decode() if "audio.delta" in type_ else "word ",
        "transcript": f"Words number {number}. ",
        "error": {"type": "invalid_request_error", "code": chance.choice(HARMLESS_ERRORS), "message": "odd"},
        "response": {"id": ids["response_id"], "status": chance.choice(["completed", "cancelled", "incomplete"])},
        "item": {
            "id": ids["item_id"],
            "type": chance.choice(["message", "function_call"]),
            "status": "completed",
            "call_id": f"call_{chance.randrange(300)}",
            "name": chance.choice(["take_message", "no_such_tool", "find_slots"]),
            "arguments": chance.choice(["{}", "{", '{"day": 7}', "x" * 1000]),
        },
        "session": {"id": "sess_1", "audio": some_value(chance)},
    }
    for _ in range(chance.randrange(3)):
        name = chance.choice([*event, "surplus"])
        if name == "type" or (name in ("error", "session") and chance.randrange(2)):
            continue
        if chance.randrange(3) == 0:
            event.pop(name, None)
        else:
            event[name] = some_value(chance)
    return json.dumps(event).encode()


async def fuzzed_events_between_good_sound(house, model, *, events, seed):
    chance = random.Random(seed)
    sounds, heard, said = payloads(chance), [], []
    model.on_sound = lambda payload: heard.append(payload) if payload != STALL_SILENCE else None
    model.is_ready.clear()
    caller = await house.caller().ring()
    await asyncio.wait_for(caller.first_sound.wait(), 10)
    before, sessions = (await asyncio.to_thread(house.watch.held)).rss, model.opened
    began = time.monotonic()
    for number in range(events):
        model.put(fuzzed_event(chance, number))
        if number % 50 == 0:
            said.append(next(sounds))
            caller.say(said[-1])
            await model.drain()
            await until(lambda: len(heard) >= len(said) - 20)
    await until(lambda: len(heard) >= len(said))
    seconds = time.monotonic() - began
    # The conversation goes on: a whole answer is heard.
    media = caller.media
    model.put(json.dumps({"type": "input_audio_buffer.speech_started", "item_id": "item_last"}))
    model.put(json.dumps({"type": "input_audio_buffer.committed", "item_id": "item_last"}))
    model.speak("resp_last", "item_answer", [HALF_SECOND] * 3)
    await until(lambda: caller.media >= media + 3)
    growth = (await asyncio.to_thread(house.watch.held)).rss - before
    is_whole = [payload.decode() for payload in heard] == said
    is_open = caller.is_open
    await caller.hang_up()
    return is_open, is_whole, growth, seconds, model.opened - sessions


def test_bad_frames_and_fuzzed_events(django_db_setup, transactional_db, tmp_path):
    factories.make_line(number=LINE)

    async def play():
        async with Model().serving() as model, running_server(tmp_path, model.url) as house:
            frames = await bad_frames_between_good_ones(house, model)
            # What such a call makes the process load, and keep for the next one, is not what it costs.
            await fuzzed_events_between_good_sound(house, model, events=EVENTS // 10, seed=SEED)
            await asyncio.to_thread(house.watch.held_at_rest)
            events = await fuzzed_events_between_good_sound(house, model, events=EVENTS, seed=SEED + 1)
            rest = await asyncio.to_thread(house.watch.held_at_rest)
            return frames, events, rest, house.server.written()

    frames, events, rest, written = asyncio.run(play())
    is_open, is_whole, growth = frames
    figure(f"{BAD_FRAMES} bad frames between {GOOD_FRAMES} good ones (seed {SEED}): {growth / MIB:+.1f} MiB")
    assert (is_open, is_whole) == (True, True)
    assert growth <= 5 * MIB
    is_open, is_whole, growth, seconds, sessions = events
    figure(f"{EVENTS} fuzzed events in {seconds:.0f} s (seed {SEED + 1}): {growth / MIB:+.1f} MiB, {rest}")
    assert (is_open, is_whole, sessions) == (True, True, 0)
    assert growth <= 5 * MIB
    assert "Traceback" not in written
    assert set(Call.objects.values_list("end_reason", flat=True)) == {"caller_hangup"}


def test_call_of_four_hours_costs_no_memory(django_db_setup, transactional_db, tmp_path):
    factories.make_line(number=LINE)

    async def play():
        async with Model().serving() as model, running_server(tmp_path, model.url) as house:
            return await load.long_call(house, model, frames=FRAMES, parts=HOURS)

    sounded = asyncio.run(play())
    figure(f"{FRAMES} frames: by the hour {sounded.told()}, {FRAMES / sounded.seconds:.0f} frames a second")
    assert (sounded.is_open, sounded.is_whole) == (True, True)
    assert sum(sounded.growth) <= 10 * MIB
    assert sum(sounded.growth[1:]) / (HOURS - 1) <= 1 * MIB  # in the first the call's own state comes to be
