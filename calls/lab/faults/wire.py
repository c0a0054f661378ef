"""Requests and sockets as anybody could send them: with Twilio's signature, with a forged one, or with none."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed

from calls.emulators import phone_messages as messages
from calls.emulators.phone_http import Answer, Client, Failure, Road, Signer
from calls.emulators.phone_upgrade import Rejected, open_socket
from calls.lab import scratch
from calls.lab.faults.stage import CALLER, LINE, House

ANSWER_SECONDS = 15.0


def new_sid(kind: str = "CA") -> str:
    return kind + secrets.token_hex(16)


def form(call_sid: str, **more: str) -> dict[str, str]:
    """What a webhook of a call carries."""
    numbers = {"From": CALLER, "To": LINE, "Caller": CALLER, "Called": LINE}
    base = {"CallSid": call_sid, "AccountSid": scratch.ACCOUNT_SID, "CallStatus": "ringing", "Direction": "inbound"}
    return base | numbers | more


@dataclass(frozen=True, slots=True)
class Wire:
    """The way to the server of a house; `sign` is "right", "wrong" or "none"."""

    house: House

    @property
    def _road(self) -> Road:
        return Road(self.house.server.base_url, scratch.PUBLIC_URL)

    async def ask(self, path: str, fields: Mapping[str, str], *, method: str = "POST", sign: str = "right") -> int:
        """The status of the answer."""
        return (await self.answer(path, fields, method=method, sign=sign)).status

    async def answer(
        self, path: str, fields: Mapping[str, str], *, method: str = "POST", sign: str = "right"
    ) -> Answer:
        """The answer, whatever its status."""
        client = Client(self._road, Signer(self.house.token), ANSWER_SECONDS)
        try:
            return await client.send(method, scratch.PUBLIC_URL + path, fields, {}, sign=sign)
        except Failure as failure:
            if failure.answer is None:
                raise
            return failure.answer

    async def upgrade(self, path: str) -> int:
        """The status with which an upgrade is answered, signed as Twilio signs it."""
        try:
            socket = await self.open(path)
        except Rejected as refusal:
            return refusal.status or 0
        await socket.close()
        return 101

    async def stream(self, *, call_sid: str, token: str | None, seconds: float) -> int | None:
        """Open a stream that brings `token` and says nothing; the code that it is closed with, None for not closed."""
        writer = messages.Writer(scratch.ACCOUNT_SID, call_sid, new_sid("MZ"))
        socket = await self.open("/twilio/realtime")
        try:
            async with asyncio.timeout(seconds):
                await socket.send(writer.connected())
                await socket.send(writer.start({} if token is None else {"token": token}))
                while True:
                    await socket.recv()
        except ConnectionClosed:
            return socket.close_code
        except TimeoutError:
            return None
        finally:
            await socket.close()

    async def open(self, path: str):  # type: ignore[no-untyped-def]
        """A socket whose upgrade is signed as Twilio signs it. Raises Rejected."""
        url = scratch.PUBLIC_URL.replace("https", "wss", 1) + path
        return await open_socket(self._road, url, Signer(self.house.token).headers(url, {}))


def token_in(document: str) -> str:
    """The token that the TwiML of a voice webhook gives the stream."""
    return document.partition('name="token" value="')[2].partition('"')[0]


__all__ = ["Wire", "form", "new_sid", "token_in"]
