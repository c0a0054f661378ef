"""Twilio's REST interface on a local socket: Calls, Messages, the account and its numbers, as strict as the product
should be careful.

It rings the people it is told of, with the phone emulator's own parts, and posts signed status callbacks. Unlike the
vendor, who ignores a parameter that it does not know, it refuses one: a misspelt name must not go unseen.

    api = TwilioApi(account_sid="AC…", auth_token="…", base_url="http://127.0.0.1:8000", public_url="https://…")
    await api.start(); …; await api.stop()
"""

import asyncio
import base64
import binascii
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from calls.emulators.phone_http import TOTAL_SECONDS, Road, Signer
from calls.emulators.phone_leg import Number, Setup
from calls.emulators.phone_line import Event
from calls.emulators.phone_options import Callee, Faults, Voicemail
from calls.emulators.phone_verbs import Goto
from calls.emulators.twilio_call import OrderedCall, Person, Record, new_record
from calls.emulators.twilio_forms import (
    Refused,
    SentMessage,
    as_call,
    as_message,
    as_page,
    call_change,
    message_order,
    order_of,
    sent_since,
)
from calls.emulators.twilio_numbers import (
    AccountState,
    OwnedNumber,
    as_account,
    as_caller_id,
    as_number,
    changed,
    matching,
)

__all__ = ["AccountState", "ApiFaults", "Callee", "OwnedNumber", "Person", "TwilioApi"]

VERSION = "/2010-04-01/Accounts/"
LARGEST_REQUEST = 64 * 1024


@dataclass(slots=True, kw_only=True)
class ApiFaults:
    """What goes wrong; counters run down to 0, the rest stays."""

    too_many: int = 0  # so many creating requests are answered 429
    broken: int = 0  # ... 500, and nothing is done
    lost_answers: int = 0  # ... are carried out, and the connection is cut before the answer
    stalled: int = 0  # ... are carried out, and never answered
    refused_numbers: Mapping[str, int] = field(default_factory=dict)  # To → Twilio's code
    undelivered: Mapping[str, int] = field(default_factory=dict)  # To → why a text is taken and never arrives
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request and how it was answered."""

    method: str
    path: str
    fields: Mapping[str, str]
    status: int


class Cut(Exception):
    """The connection ends without an answer."""


class TwilioApi:
    """`people` by number, `person` for all others. Without `base_url` calls are over as soon as they are ordered.

    `numbers`: from which calls and messages may be sent, None for any; `owned`: the numbers as their owner sees them.
    """

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        base_url: str = "",
        public_url: str = "",
        numbers: Sequence[str] | None = None,
        people: Mapping[str, Person] | None = None,
        person: Person | None = None,
        faults: ApiFaults | None = None,
        owned: Sequence[OwnedNumber] = (),
        account: AccountState | None = None,
        rate: float = 1.0,
        port: int = 0,
        on_event: Event | None = None,
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.base_url = base_url.rstrip("/")
        self.public_url = (public_url or base_url).rstrip("/")
        self.numbers = numbers
        self.people = dict(people or {})
        self.person = person or Person()
        self.faults = faults or ApiFaults()
        self.owned = {number.sid: number for number in owned}
        self.account = account or AccountState()
        self.rate = rate
        self.on_event = on_event
        self.calls: dict[str, Record] = {}
        self.messages: dict[str, SentMessage] = {}
        self.asked: list[Asked] = []
        self.url = ""
        self._port = port
        self._live: dict[str, OrderedCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._runs: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Cut every call and connection."""
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0)  # whoever was let in last begins, and can be cut
        tasks = self._tasks | self._runs
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
            await asyncio.sleep(0)  # the transports that were cut are told so

    async def settled(self) -> None:
        """Wait until every call is over and every report is posted."""
        while self._runs:
            await asyncio.wait(self._runs)

    # HTTP.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, Cut):
                writer.write(await self._answer(reader))
                await writer.drain()
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except (OSError, asyncio.CancelledError):
                writer.transport.abort()
            self._tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.rstrip().split("\r\n")
        method, target, _ = line.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in lines)}
        body = (await reader.readexactly(min(int(headers.get("content-length", "0")), LARGEST_REQUEST))).decode()
        parts = urlsplit(target)
        pairs = parse_qsl(body if method == "POST" else parts.query, keep_blank_values=True)
        try:
            self._demand_key(headers.get("authorization", ""))
            status, answer = await self._route(method, parts.path, pairs)
        except Refused as refusal:
            status, answer = refusal.status, refusal.body()
        except Cut:
            self.asked.append(Asked(method, parts.path, dict(pairs), 0))
            raise
        self.asked.append(Asked(method, parts.path, dict(pairs), status))
        return _response(status, answer)

    def _demand_key(self, authorization: str) -> None:
        wanted = f"{self.account_sid}:{self.auth_token}"
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            kind, _, text = authorization.partition(" ")
            if kind == "Basic" and base64.b64decode(text, validate=True).decode() == wanted:
                return
        raise Refused(20003, "Authenticate", status=401)

    async def _route(self, method: str, path: str, pairs: Sequence[tuple[str, str]]) -> tuple[int, dict[str, Any]]:
        if path == f"{VERSION}{self.account_sid}.json" and method == "GET":
            return 200, as_account(self.account_sid, self.auth_token, self.account)
        base = f"{VERSION}{self.account_sid}/"
        match path.removeprefix(base).removesuffix(".json").split("/") if path.startswith(base) else []:
            case ["Calls"] if method == "POST":
                return await self._create_call(pairs)
            case ["Calls"] if method == "GET":
                return 200, self._list_calls(dict(pairs))
            case ["Calls", sid] if sid in self.calls and method == "POST":
                return 200, self._change_call(self.calls[sid], pairs)
            case ["Calls", sid] if sid in self.calls and method == "GET":
                return 200, as_call(self.account_sid, self.calls[sid])
            case ["Messages"] if method == "POST":
                return await self._create_message(pairs)
            case ["Messages"] if method == "GET":
                return 200, self._list_messages(dict(pairs))
            case ["IncomingPhoneNumbers", *sid]:
                return await self._numbers(method, sid, pairs)
            case ["OutgoingCallerIds"] if method == "GET":
                rows = [as_caller_id(self.account_sid, number) for number in self.account.verified]
                return 200, as_page(self.account_sid, "outgoing_caller_ids", rows, len(rows))
        raise Refused(20404, f"The requested resource {path} was not found", status=404)

    async def _let_through(self, to: str) -> None:
        """Faults that keep a request from being carried out."""
        await asyncio.sleep(self.faults.delay_ms / 1000)
        if self.faults.too_many > 0:
            self.faults.too_many -= 1
            raise Refused(20429, "Too Many Requests", status=429)
        if self.faults.broken > 0:
            self.faults.broken -= 1
            raise Refused(20500, "Internal Server Error", status=500)
        if code := self.faults.refused_numbers.get(to):
            raise Refused(code, f"The number {to} is refused")

    async def _may_lose_the_answer(self) -> None:
        if self.faults.lost_answers > 0:
            self.faults.lost_answers -= 1
            raise Cut
        if self.faults.stalled > 0:
            self.faults.stalled -= 1
            await asyncio.sleep(3600)

    # Calls.

    async def _create_call(self, pairs: Sequence[tuple[str, str]]) -> tuple[int, dict[str, Any]]:
        order = order_of(pairs, self.numbers)
        await self._let_through(order.to)
        record = new_record(order, dict(pairs))
        self.calls[record.sid] = record
        if self.base_url:
            self._spawn(record)
        else:
            record.end_at_once(self.people.get(order.to, self.person))
        await self._may_lose_the_answer()
        return 201, as_call(self.account_sid, record)

    def _spawn(self, record: Record) -> None:
        task = asyncio.create_task(self._run(record))
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)

    async def _run(self, record: Record) -> None:
        person = self.people.get(record.order.to, self.person)
        try:
            async with asyncio.TaskGroup() as group:
                call = OrderedCall(self._setup(person), group, record, person, rate=self.rate, on_event=self.on_event)
                self._live[record.sid] = call
                await call.run()
        finally:
            self._live.pop(record.sid, None)

    def _setup(self, person: Person) -> Setup:
        return Setup(
            road=Road(self.base_url, self.public_url),
            signer=Signer(self.auth_token),
            account_sid=self.account_sid,
            number=Number(),
            faults=Faults(),
            callee=person.callee,
            voicemail=Voicemail(),
            webhook_seconds=TOTAL_SECONDS,
            patience_ms=15_000,
            scripted=True,
        )

    def _list_calls(self, wanted: dict[str, str]) -> dict[str, Any]:
        """The newest first; a call that is still queued has no StartTime and is listed all the same."""
        size = int(wanted.pop("PageSize", "50"))
        if unknown := wanted.keys() - {"To", "From", "Status", "Page"}:
            raise Refused(20001, f"unknown parameter {min(unknown)}")
        found = [
            as_call(self.account_sid, record)
            for record in reversed(self.calls.values())
            if record.order.to == wanted.get("To", record.order.to)
            and record.order.from_number == wanted.get("From", record.order.from_number)
            and record.status == wanted.get("Status", record.status)
        ]
        return as_page(self.account_sid, "calls", found[:size], size)

    def _change_call(self, record: Record, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
        change = call_change(pairs)
        if record.is_over:
            raise Refused(21220, "Call is not in-progress. Cannot redirect.")
        live = self._live.get(record.sid)
        if change.status:
            if change.status == "canceled" and record.status not in {"queued", "ringing"}:
                raise Refused(21220, "Call is not queued or ringing. Cannot cancel.")
            if live is not None:
                live.line.hang_up("limit")
            else:
                record.status = change.status
        elif record.status != "in-progress":
            raise Refused(21220, "Call is not in-progress. Cannot redirect.")
        elif live is not None:
            live.lead(change.twiml or Goto(change.url, change.method, purpose="redirect"))
        return as_call(self.account_sid, record)

    # Messages.

    async def _create_message(self, pairs: Sequence[tuple[str, str]]) -> tuple[int, dict[str, Any]]:
        message = message_order(pairs, self.numbers)
        await self._let_through(message.to)
        if code := self.faults.undelivered.get(message.to):
            message = replace(message, status="undelivered", error_code=code)
        self.messages[message.sid] = message
        await self._may_lose_the_answer()
        return 201, as_message(self.account_sid, message)

    def _list_messages(self, wanted: dict[str, str]) -> dict[str, Any]:
        size = int(wanted.pop("PageSize", "50"))
        if unknown := wanted.keys() - {"To", "From", "DateSent>", "DateSent", "DateSent<", "Page"}:
            raise Refused(20001, f"unknown parameter {min(unknown)}")
        found = [
            as_message(self.account_sid, message)
            for message in reversed(self.messages.values())
            if message.to == wanted.get("To", message.to) and message.sender == wanted.get("From", message.sender)
            if sent_since(message, wanted.get("DateSent>", ""))
        ]
        return as_page(self.account_sid, "messages", found[:size], size)

    # Numbers.

    async def _numbers(
        self, method: str, sid: Sequence[str], pairs: Sequence[tuple[str, str]]
    ) -> tuple[int, dict[str, Any]]:
        match method, [self.owned.get(one) for one in sid]:
            case "GET", []:
                wanted = dict(pairs)
                rows = [as_number(self.account_sid, one) for one in matching([*self.owned.values()], wanted)]
                size = int(wanted.get("PageSize", "50"))
                return 200, as_page(self.account_sid, "incoming_phone_numbers", rows[:size], size)
            case "GET", [OwnedNumber() as number]:
                return 200, as_number(self.account_sid, number)
            case "POST", [OwnedNumber() as number]:
                after = changed(number, pairs)
                await self._let_through(number.phone_number)
                self.owned[number.sid] = after
                await self._may_lose_the_answer()
                return 200, as_number(self.account_sid, after)
        raise Refused(20404, "The requested resource was not found", status=404)


def _response(status: int, answer: Mapping[str, Any]) -> bytes:
    body = json.dumps(answer).encode()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
