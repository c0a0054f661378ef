"""Twilio's REST interface for a set-up; its argument is what it knows of the account, as JSON.

python -m tests.collection.programs.account '{"account_sid": "AC…", "auth_token": "…", "owned": []}'
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
