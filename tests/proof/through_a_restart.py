"""Uses the database as a call does, while the server of the database goes away and comes back; run as a process.

It writes one line of JSON at each stage and then waits for one from whoever stops and starts the server.
"""

import asyncio
import json
import logging
import sys

import django

TURNS_EACH = 3


def main():
    django.setup()
    asyncio.run(use())


async def use():
    from calls import database  # noqa: PLC0415 - Django stands now
    from calls.conversation.messages import RecordTurn  # noqa: PLC0415
    from calls.domain import history  # noqa: PLC0415
    from calls.logs import CallLogger  # noqa: PLC0415
    from calls.models import Call, Turn  # noqa: PLC0415
    from calls.relay.journal import Journal  # noqa: PLC0415
    from tests.factories import make_call  # noqa: PLC0415

    call = await database.run(make_call)

    async def write(entries):
        await database.run_journal(history.write, call_id=call.pk, entries=entries)

    def put(first):
        for number in range(first, first + TURNS_EACH):
            turn = RecordTurn(f"item_{number}", position=number, role="caller", text=f"{number}", started_ms=number)
            journal.put(turn)

    def texts():
        return list(Turn.objects.order_by("started_ms").values_list("text", flat=True))

    journal = Journal(write, CallLogger(logging.getLogger("calls.test"), {}))
    writing = asyncio.create_task(journal.run())
    put(0)
    while len(await database.run(texts)) < TURNS_EACH:
        await asyncio.sleep(0.01)
    await asyncio.gather(*(database.run(Call.objects.count) for _ in range(20)))
    await stage("used")  # the server is restarted

    counts = await asyncio.gather(*(database.run(Call.objects.count) for _ in range(20)), return_exceptions=True)
    await stage("again", failed=[repr(count) for count in counts if count != 1])  # the server is stopped

    put(TURNS_EACH)
    await asyncio.sleep(0.5)
    await stage("away", written=writing.done())  # the server is started
    journal.close()
    await asyncio.wait_for(writing, 30)
    await stage("written", texts=await database.run(texts), dropped=journal.dropped)


async def stage(name, **seen):
    sys.stdout.write(json.dumps({"stage": name, **seen}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    main()
