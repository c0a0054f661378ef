"""WebSocket consumers: shells that hand over to the relay."""

import asyncio
import logging
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from calls.logs import CallLogger
from calls.relay.carried import RelaySettings
from calls.relay.relay import INTERNAL_ERROR, Relay
from calls.twilio.addresses import STREAM_REFUSAL, stream_signature_urls
from calls.twilio.signature import Verifier

log = CallLogger(logging.getLogger(__name__), {})

SUBPROTOCOL = "audio.twilio.com"
AT_A_STRETCH = 50
"""Messages that may be taken without a pause: what waits in the socket is given out without one, and after a standstill
it may be more than has room on its way to OpenAI."""


class TwilioStream(AsyncWebsocketConsumer):
    """The Media Stream socket of one call: accept, hand over, wind down."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # Channels would make a task of every message and wait for it, which costs as much as all of our own work on it.
        self.scope, self.base_send, self.channel_layer = scope, send, None
        with suppress(StopConsumer):
            for number in count(1):
                await self.dispatch(await receive())
                if number % AT_A_STRETCH == 0:
                    await asyncio.sleep(0)

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Channels would tidy database connections in a thread shared by all calls before every message; sound comes
        # 50 times a second and never touches the database. Whoever does touch it uses the pools of the process.
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        self.relay = None
        self.is_open = True
        if problem := self._problem():
            log.warning("stream refused at the door", extra={"path": self.scope["path"], "why": problem})
            await refuse(self)
            return
        # Twilio offers no subprotocol; a server that answers with one that was not offered ends the call there.
        offered = self.scope["subprotocols"]
        await self.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        self.relay = Relay(relay_settings(), send=self._send_text, close=self._hang_up, log=log)
        self.relaying = asyncio.create_task(self._carry(self.relay), name="relay")
        self.relaying.add_done_callback(_tell_what_broke)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.relay.feed(text_data)

    async def disconnect(self, code: int) -> None:
        self.is_open = False
        if self.relay is not None:
            self.relay.stream_closed(code)
            await asyncio.wait({self.relaying})

    async def _carry(self, relay: Relay) -> None:
        try:
            await relay.run()
        finally:
            # However it ended: on a socket that stays open nobody would speak any more, and Twilio would not ask why.
            await self._hang_up(INTERNAL_ERROR)

    async def _send_text(self, text: str) -> None:
        if self.is_open:
            await self.send(text_data=text)

    async def _hang_up(self, code: int) -> None:
        if self.is_open:
            self.is_open = False
            await self.close(code)

    def _problem(self) -> str:
        """Why this is not Twilio, "" when it is."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.scope["headers"]}
        if "origin" in headers:
            return "it has an Origin, so it is a browser"
        if settings.TWILIO_SIGNATURE == "off":
            return ""
        urls = stream_signature_urls(settings.PUBLIC_BASE_URL, self.scope["path"])
        verifier = Verifier(settings.TWILIO_AUTH_TOKENS, settings.TWILIO_SHARED_KEYS)
        if verifier.accepts(urls, {}, headers):
            return ""
        why = f"not signed by Twilio for {urls[0]}: check PUBLIC_BASE_URL and TWILIO_AUTH_TOKEN"
        if settings.TWILIO_SIGNATURE == "log":
            log.warning("stream with a wrong signature let in", extra={"why": why})
            return ""
        return why


def _tell_what_broke(relaying: "asyncio.Task[None]") -> None:
    if not relaying.cancelled() and (problem := relaying.exception()):
        log.error("the relay broke", exc_info=problem)


class UnknownSocket(AsyncWebsocketConsumer):
    """Any other WebSocket address: refused, and the log names the right one."""

    async def connect(self) -> None:
        log.warning(
            "no WebSocket at this path: the stream is at /twilio/realtime", extra={"path": self.scope["path"][:200]}
        )
        await refuse(self)


async def refuse(consumer: AsyncWebsocketConsumer) -> None:
    """403 before the socket opens, in our own words where the server lets them through (uvicorn does)."""
    if "websocket.http.response" not in (consumer.scope.get("extensions") or {}):
        await consumer.close()
        return
    body = f"{STREAM_REFUSAL}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await consumer.base_send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
    await consumer.base_send({"type": "websocket.http.response.body", "body": body})


def relay_settings() -> RelaySettings:
    return RelaySettings(
        openai_url=settings.OPENAI_REALTIME_URL,
        openai_key=settings.OPENAI_API_KEY,
        default_model=settings.OPENAI_REALTIME_MODEL,
        secret_key=settings.SECRET_KEY,
        recordings=_folder(settings.DATA_DIR, "recordings"),
        clips=_folder(settings.DATA_DIR, "clips"),
        longest_call_seconds=settings.MAX_CALL_MINUTES * 60,
        is_token_required=settings.TWILIO_SIGNATURE != "off",
        rate=settings.CLOCK_RATE,
        instance=settings.INSTANCE_ID,
    )


@cache
def _folder(data: Path, name: str) -> Path:
    """One for all sockets: strangers may hold a thousand of them open."""
    return data / name
