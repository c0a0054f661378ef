"""Twilio's REST interface for a set-up, in a process of its own; what it knows of the account comes as JSON.

python -m tests.collection.programs.account '{"account_sid": "AC…", "auth_token": "…", "owned": [{"phone_number": "+…"}]}'
"""

import asyncio
import json
import sys

from calls.emulators.twilio_api import OwnedNumber, TwilioApi
from tests.collection.programs import tell


async def main():
    known = json.loads(sys.argv[1])
    api = TwilioApi(**known | {"owned": [OwnedNumber(**number) for number in known["owned"]]})
    await api.start()
    tell(api.url.rpartition(":")[2])
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
