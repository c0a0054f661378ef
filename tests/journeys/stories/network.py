"""The telephones that the server rings by Twilio's REST interface, in a thread of their own."""

import asyncio
import threading
from contextlib import contextmanager

from calls.emulators.phone_options import Callee
from calls.emulators.twilio_api import Person, TwilioApi
from calls.lab import scratch

ANSWER_SECONDS = 30
PRESSES_1 = Person(callee=Callee(ring_ms=300))
BUSY = Person(callee=Callee(outcome="busy", ring_ms=300))


class Network:
    """Who answers at which number, and what was asked of Twilio."""

    def __init__(self, api, loop):
        self.api = api
        self._loop = loop

    def settle(self):
        """Wait until every call is over and every report is posted."""
        self._do(self.api.settled())

    def rung(self):
        """The numbers in the order in which they were rung."""
        return [record.order.to for record in self.api.calls.values()]

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_SECONDS)


@contextmanager
def network_of(station, *, people=None, person=BUSY):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="telephone-network", daemon=True)
    thread.start()
    api = TwilioApi(
        account_sid=scratch.ACCOUNT_SID,
        auth_token=station.token,
        base_url=station.server.base_url,
        public_url=scratch.PUBLIC_URL,
        people=people,
        person=person,
        rate=station.rate,
        port=station.rest_port,
    )
    network = Network(api, loop)
    try:
        network._do(api.start())
        yield network
        network._do(api.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
