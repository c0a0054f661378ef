"""Rows P3 and P4: what an hour of sound, and hundreds of calls, leave in the memory of the process.

At the speed of the world: a faster clock needs DEBUG, which keeps every query. `make proof` plays both at their full
size (`tests/proof`): 720,000 frames, and 600 calls or as many as it is told to.
"""

import asyncio
from dataclasses import replace

from calls.lab import load
from calls.lab.faults.stage import House, Stage, story
from calls.lab.faults.table import FINISHED, Row, Seen
from calls.lab.thin import Model
from calls.models import Call

FRAMES, PARTS = 180_000, 4
MOST_GROWN, MOST_GROWN_AN_HOUR = 10 * load.MIB, load.MIB
CALLS, WARM, AT_ONCE = 200, 60, 6
FEWEST_HEARD = 0.95
MOST_GROWN_SHARE = 0.1


def hour_of_sound(stage: Stage) -> Seen:
    async def play() -> tuple[load.Sounded, str]:
        async with Model().serving() as model:
            watched = _in_real_time(stage).house(watched=True, OPENAI_REALTIME_URL=model.url)
            async with load.beside_the_loop(watched) as house:
                sounded = await load.long_call(house, model, frames=FRAMES, parts=PARTS)
                await asyncio.to_thread(house.watch.held_at_rest)
                return sounded, _logged(house)

    sounded, logged = asyncio.run(play())
    [call] = Call.objects.all()
    stored = f"{call.status}, {call.end_reason}; by quarters of the hour {sounded.told()}"
    return Seen(judged_sound(sounded), stored=stored, logged=logged)


def judged_sound(sounded: load.Sounded) -> list[str]:
    hours = (FRAMES - FRAMES // PARTS) / load.FRAMES_AN_HOUR
    an_hour = sum(sounded.growth[1:]) / hours  # in the first part the call's own state comes to be
    found = [] if sounded.is_open and sounded.is_whole else ["Not every frame arrived as it was sent."]
    found += [] if sum(sounded.growth) <= MOST_GROWN else [f"The server has grown by {sounded.told()}."]
    return found + ([] if an_hour <= MOST_GROWN_AN_HOUR else [f"It grows by {an_hour / load.MIB:.1f} MiB an hour."])


def calls_in_a_row(stage: Stage) -> Seen:
    told = story(load.SHORT)
    emulator = {"keep_frames_of": 1, "think_ms": 50}
    with _in_real_time(stage).house(watched=True, emulator=emulator) as house:
        house.model.scenarios[:] = [told]
        load.ring_many(WARM, at_once=AT_ONCE, place=lambda number: house.phone().call(told))
        first = house.watch.held_at_rest()
        results = load.ring_many(CALLS, at_once=AT_ONCE, place=lambda number: house.phone().call(told))
        last = house.watch.held_at_rest(first.counted)
        open_sessions, logged = house.open_sessions, _logged(house)
    heard = sum(result.first_audio_ms is not None for result in results)
    left = Call.objects.exclude(status__in=FINISHED).count()
    found = load.not_back(first, last)
    found += [] if heard >= FEWEST_HEARD * CALLS else [f"Only {heard} of {CALLS} heard the agent."]
    found += [] if last.rss <= first.rss * (1 + MOST_GROWN_SHARE) else [f"The server holds {last}, and held {first}."]
    found += [] if not left + open_sessions else [f"{left} calls and {open_sessions} sessions are left open."]
    stored = f"{Call.objects.count()} calls, {left} of them open; {(last.rss - first.rss) / load.MIB:+.1f} MiB"
    return Seen(found, stored=stored, logged=logged)


def _in_real_time(stage: Stage) -> Stage:
    return replace(stage, rate=1.0)


def _logged(house: House) -> str:
    """Without what telling of its memory does to a server: all of it is looked through."""
    return "; ".join(line for line in house.logged() if line != "WARNING: the loop was held up") or "–"


ROWS = (
    Row(
        number="P3",
        fault=f"{FRAMES:,} of 720,000 frames, an hour of sound, at full speed through one call",
        act=hour_of_sound,
        is_load=True,
    ),
    Row(
        number="P4",
        fault=f"{CALLS} of 2,000 calls in a row, {AT_ONCE} at a time, after the first {WARM}",
        act=calls_in_a_row,
        guards=("pools",),
        is_load=True,
    ),
)
