"""Rows T on the wire itself: statuses in any order, wrong addresses, and what nobody at Twilio has sent."""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterable

from calls.lab.faults.rows_openai import TALK, talked
from calls.lab.faults.stage import PhoneFaults, Stage, story
from calls.lab.faults.table import Row, Seen, judged, left_over
from calls.lab.faults.wire import Wire, form, new_sid, token_in
from calls.models import Call

STATUSES = ("initiated", "ringing", "in-progress", "completed")
FORGERIES = 50
SOCKETS = 200
HANG_UPS = 20
SEED = 20261120
HEARD = "ended, caller_hangup"


def statuses_in_any_order(stage: Stage) -> Seen:
    async def post(wire: Wire) -> None:
        for order in itertools.permutations(STATUSES):
            sid = new_sid()
            await wire.ask("/twilio/voice", form(sid))
            for status in order:
                await wire.ask("/twilio/status", form(sid, CallStatus=status))

    with stage.house() as house:
        asyncio.run(post(Wire(house)))
        ends = {f"{call.status}, {call.end_reason}" for call in Call.objects.all()}
        count = Call.objects.count()
    found = [] if (count, ends) == (24, {HEARD}) else [f"{count} calls ended as {sorted(ends)}."]
    return Seen(found, stored="; ".join(sorted(ends)))


def forged_webhooks(stage: Stage) -> Seen:
    async def post(wire: Wire) -> set[int]:
        return {await wire.ask("/twilio/voice", form(new_sid()), sign=sign) for sign in ("wrong", "none") * FORGERIES}

    with stage.house() as house:
        answers = asyncio.run(post(Wire(house)))
        calls = Call.objects.count()
        logged = house.logged()
    found = [] if (answers, calls) == ({403}, 0) else [f"Answered {sorted(answers)}, {calls} calls stored."]
    return Seen(found, stored=f"{calls} calls", logged="; ".join(logged) or "–")


def pasted_addresses(stage: Stage) -> Seen:
    """People paste the stream's address into the webhook's field, and the webhook's into a browser."""

    async def post(wire: Wire) -> tuple[int, int, int, bool]:
        voice = await wire.answer("/twilio/realtime", form(new_sid()))
        return (
            await wire.ask("/twilio/realtime", {}, method="GET", sign="none"),
            await wire.ask("/twilio/realtime", form(new_sid()), sign="none"),
            voice.status,
            "<Connect" in voice.text,
        )

    with stage.house() as house:
        answers = asyncio.run(post(Wire(house)))
        logged = house.logged()
    found = [] if answers == (426, 426, 200, True) else [f"Unsigned GET, POST, signed POST, with a stream: {answers}."]
    return Seen(found, stored="–", logged="; ".join(logged) or "–")


def other_paths(stage: Stage) -> Seen:
    good = ("/twilio/realtime", "/twilio/realtime/", "/twilio/stream", "/realtime", "/realtime/")

    async def open_all(wire: Wire) -> tuple[list[int], int]:
        return [await wire.upgrade(path) for path in good], await wire.upgrade("/twilio/realtim")

    with stage.house() as house:
        opened, unknown = asyncio.run(open_all(Wire(house)))
        logged = house.logged()
        traces = house.server.written().count("Traceback")
    found = [] if opened == [101] * len(good) else [f"The known paths answer {opened}."]
    found += [] if unknown in (403, 404) else [f"An unknown path answers {unknown}."]
    found += [f"{traces} tracebacks in the log."] if traces else []
    return Seen(found, logged="; ".join(logged) or "–")


def strangers_sockets(stage: Stage) -> Seen:
    """Sockets without, with wrong and with used tokens open no session; a genuine call meanwhile notices nothing."""

    async def swarm(wire: Wire) -> set[int | None]:
        sid = new_sid()
        token = token_in((await wire.answer("/twilio/voice", form(sid, From="+15550100099"))).text)
        calls: Iterable[tuple[str, str | None]] = itertools.islice(
            itertools.cycle([(sid, "forged"), (sid, None), (new_sid(), token), (sid, token[::-1])]), SOCKETS
        )
        crowd = asyncio.Semaphore(20)  # all at once would slow down the telephone, which lives in this process too

        async def one(call_sid: str, token: str | None) -> int | None:
            async with crowd:
                return await wire.stream(call_sid=call_sid, token=token, seconds=6)

        return set(await asyncio.gather(*(one(*call) for call in calls)))

    codes: set[int | None] = set()
    with stage.house() as house:
        rung = house.ring(story(TALK), during=lambda: codes.update(asyncio.run(swarm(Wire(house)))))
        seen = judged(rung, house, reached="the agent", stored=HEARD, check=talked)
        opened = len(house.model.sessions)
    found = seen.shortcomings
    found += [] if codes == {1008} else [f"The sockets were closed with {codes}."]
    found += [] if opened == 1 else [f"{opened} sessions were opened."]
    return seen


def random_hang_ups(stage: Stage) -> Seen:
    """The instants come from a fixed seed; the row prints those that leave something behind."""
    chance = random.Random(SEED)
    found: list[str] = []
    with stage.house() as house:
        for number in range(HANG_UPS):
            at_ms = chance.randrange(0, 6000)
            how = chance.choice(["stop", "close", "reset"])
            caller = f"+155501{number:05}"
            faults = PhoneFaults(hang_up_after_ms=at_ms, hang_up_how=how)
            rung = house.ring(story(TALK, caller=caller), faults=faults)
            found += [f"Hung up by {how} after {at_ms} ms: {sentence}" for sentence in left_over(rung, house)]
        ends = sorted({f"{call.status}, {call.end_reason}" for call in Call.objects.all()})
    return Seen(found, stored="; ".join(ends), logged="; ".join(house.logged()) or "–")


_ACTS: list[tuple[str, str, Callable[[Stage], Seen], tuple[str, ...]]] = [
    ("T2", "status callbacks in all 24 orders", statuses_in_any_order, ()),
    ("T3", f"{2 * FORGERIES} webhooks with a wrong signature or none", forged_webhooks, ("signature",)),
    ("T4c", f"{SOCKETS} sockets with forged, missing and foreign tokens", strangers_sockets, ("token",)),
    ("T5", "the stream's address in the webhook's field", pasted_addresses, ()),
    ("T6", "sockets at other paths, and at one that does not exist", other_paths, ()),
    ("T23b", f"hang-ups at {HANG_UPS} random instants (seed {SEED})", random_hang_ups, ()),
]
ROWS = tuple(Row(number=number, fault=fault, act=act, guards=guards) for number, fault, act, guards in _ACTS)
