"""OpenAI's part of a set-up, in a process of its own.

python -m tests.collection.programs.model --keys sk-one --faults '{"response_error": "insufficient_quota"}'
"""

import argparse
import asyncio
import json

from calls.emulators.realtime_faults import Faults
from calls.emulators.realtime_server import RealtimeServer
from tests.collection.programs import tell


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", default="")
    parser.add_argument("--faults", default="{}")
    options = parser.parse_args()
    keys = options.keys.split(",") if options.keys else None
    async with RealtimeServer(keys=keys, faults=Faults(**json.loads(options.faults)), think_ms=100) as server:
        tell(server.port)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
