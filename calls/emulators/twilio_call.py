"""A call that was ordered by REST: it rings somebody, obeys TwiML when answered, and reports its progress."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

from calls.emulators import phone_twiml
from calls.emulators.phone_call import Call
from calls.emulators.phone_http import Answer
from calls.emulators.phone_leg import Setup, new_sid
from calls.emulators.phone_line import Event, HungUp
from calls.emulators.phone_options import Callee
from calls.emulators.phone_result import CallResult
from calls.emulators.phone_twiml import Document
from calls.emulators.phone_verbs import Finished, Goto
from calls.emulators.scenario import Caller, Dtmf, Scenario

QUEUED_MS = 100
FAILED_AFTER_MS = 500
OVER = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
XML = {"content-type": "text/xml"}

AnsweredBy = Literal[
    "human", "machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax", "unknown"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is at a number that is rung. Without a scenario the keys of `callee` are all that is done."""

    callee: Callee = field(default_factory=Callee)
    scenario: Scenario | None = None
    answered_by: AnsweredBy = "human"
    heard_after_ms: int = 1500  # how long the detection of machines listens


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for with POST Calls."""

    to: str
    from_number: str
    url: str = ""
    method: str = "POST"
    twiml: str = ""
    status_url: str = ""
    status_events: tuple[str, ...] = ("completed",)
    timeout_seconds: int = 60
    machine_url: str = ""


@dataclass(slots=True)
class Record:
    """The call as REST shows it."""

    sid: str
    order: Order
    fields: Mapping[str, str]
    status: str = "queued"
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at: datetime | None = None
    ended_at: datetime | None = None
    answered_by: str | None = None
    result: CallResult | None = None
    reports: list[str] = field(default_factory=list)  # the statuses that were posted, in order

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    def end_at_once(self, person: Person) -> None:
        """As if it had been rung and talked through already."""
        outcome = person.callee.outcome
        self.status = "completed" if outcome == "answer" else outcome
        self.answered_by = person.answered_by if outcome == "answer" else None
        self.started_at = self.ended_at = datetime.now(UTC)


class OrderedCall(Call):
    """The part of Twilio that carries out an order; the caller of its base class is here the one who is called."""

    def __init__(
        self,
        setup: Setup,
        group: asyncio.TaskGroup,
        record: Record,
        person: Person,
        *,
        rate: float,
        on_event: Event | None = None,
    ) -> None:
        order = record.order
        steps = (Dtmf(person.callee.presses),) if person.callee.presses else ()
        scenario = person.scenario or Scenario("callee", Caller(order.to, order.from_number), steps)
        # The number's own status callback reports inbound calls only.
        setup = replace(setup, number=replace(setup.number, status=""))
        super().__init__(setup, group, scenario, rate=rate, on_event=on_event, call_sid=record.sid)
        self.record = record
        self.person = person
        self.leg.direction = "outbound-api"
        self.leg.from_number, self.leg.to_number = order.from_number, order.to
        self.result.status = "queued"
        record.result = self.result
        self._led_to: asyncio.Queue[Goto | str] = asyncio.Queue()

    def lead(self, to: Goto | str) -> None:
        """Leave what is being done and go on with another address or document."""
        self._led_to.put_nowait(to)

    async def run(self) -> CallResult:
        """Ring, obey, report the end."""
        watches = [self.group.create_task(self._hang_up_at(10 * 60 * 1000, "limit"))]
        with contextlib.suppress(HungUp):
            if await self._is_answered():
                watches.append(self.group.create_task(self._detect()))
                await self._obey_until_the_end()
        for watch in watches:
            watch.cancel()
        await self._finish()
        return self.result

    async def _is_answered(self) -> bool:
        callee, limit_ms = self.person.callee, self.record.order.timeout_seconds * 1000
        await self.line.pause(QUEUED_MS)
        self._report("initiated", "initiated")
        self._is("ringing")
        self.record.started_at = datetime.now(UTC)
        self._report("ringing", "ringing")
        if callee.outcome == "failed":
            await self.line.pause(FAILED_AFTER_MS)
            self._is("failed")
        elif callee.outcome == "no-answer" or callee.ring_ms > limit_ms:
            await self.line.pause(limit_ms)
            self._is("no-answer")
        else:
            await self.line.pause(callee.ring_ms)
            if callee.outcome == "busy":
                self._is("busy")
        if self.result.status != "ringing":
            return False
        self.leg.answer()
        self._is("in-progress")
        self._report("answered", "in-progress")
        return True

    async def _obey_until_the_end(self) -> None:
        order = self.record.order
        step: Goto | str = Goto(order.url, order.method, purpose="voice") if order.url else order.twiml
        while True:
            obeying = self.group.create_task(self._obey(step))
            led = self.group.create_task(self._led_to.get())
            await asyncio.wait({obeying, led}, return_when=asyncio.FIRST_COMPLETED)
            if not led.done():
                led.cancel()
                await obeying
                return
            obeying.cancel()
            await asyncio.wait({obeying})
            step = led.result()

    async def _obey(self, step: Goto | str) -> None:
        with contextlib.suppress(HungUp):
            if isinstance(step, Goto):
                await self.interpreter.obey(step)
                return
            self.result.documents.append(step)
            goto = await self._perform(phone_twiml.read(Answer(200, XML, step.encode(), self.record.order.url)))
            if goto is not None:
                await self.interpreter.obey(goto)
            else:
                self.result.ended_by = "server"

    async def _perform(self, document: Document) -> Goto | None:
        for warning in document.warnings:
            self.line.blame(warning)
        try:
            return await self.interpreter.perform(document)
        except Finished:
            return None

    async def _detect(self) -> None:
        """Listen beside the call for a machine; the verdict goes to its own address."""
        if not self.record.order.machine_url:
            return
        with contextlib.suppress(HungUp):
            await self.line.pause(self.person.heard_after_ms)
            self.record.answered_by = self.person.answered_by
            extra = {"AnsweredBy": self.person.answered_by, "MachineDetectionDuration": str(self.person.heard_after_ms)}
            self.leg.errand("amd", "POST", self.record.order.machine_url, extra)

    async def _finish(self) -> None:
        if self.leg.answered_ms is not None:
            self._is("completed")
        elif self.result.status not in OVER:
            self._is("canceled")
        self.record.ended_at = datetime.now(UTC)
        self.result.ended_ms = self.line.now_ms
        self.result.completed = self.script.undone == 0
        self._report("completed", self.result.status, self.leg.completed_fields())
        await asyncio.gather(*self.leg.errands)
        self.line.tell("ended", self.result.ended_by)

    def _is(self, status: str) -> None:
        self.result.status = self.record.status = status

    def _report(self, event: str, status: str, more: Mapping[str, str] | None = None) -> None:
        """Post the status callback, if this event was asked for."""
        order = self.record.order
        if not order.status_url or event not in order.status_events:
            return
        progress = {
            "CallStatus": status,
            "Timestamp": format_datetime(datetime.now(UTC)),
            "CallbackSource": "call-progress-events",
        }
        sequence = {"SequenceNumber": str(len(self.record.reports))}
        self.record.reports.append(status)
        self.leg.errand("status", "POST", order.status_url, {**(more or {}), **progress, **sequence})


def new_record(order: Order, fields: Mapping[str, str]) -> Record:
    return Record(new_sid("CA"), order, fields)
