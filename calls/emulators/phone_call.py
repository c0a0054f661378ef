"""One call from the ring to the last status callback, and the legs that <Dial> adds to it."""

import asyncio
import contextlib
import re
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from typing import Any

from calls.emulators import sound
from calls.emulators.phone_leg import Leg, Setup, new_sid
from calls.emulators.phone_line import Event, HungUp, Line
from calls.emulators.phone_options import Faults
from calls.emulators.phone_result import CallResult, Piece
from calls.emulators.phone_script import Script
from calls.emulators.phone_twiml import Document, Verb
from calls.emulators.phone_verbs import Goto, Interpreter
from calls.emulators.scenario import Caller, Dtmf, Scenario

LONGEST_CALL_MS = 10 * 60 * 1000
MOST_HOPS = 3
FAILED_AFTER_MS = 500
# The socket and the status callback come from different systems of Twilio; the callback is not the faster one.
STATUS_AFTER_SECONDS = 0.05
E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class Call:
    """An inbound call of somebody who follows a scenario."""

    def __init__(
        self,
        setup: Setup,
        group: asyncio.TaskGroup,
        scenario: Scenario,
        *,
        rate: float,
        on_event: Event | None = None,
        call_sid: str = "",
        forwarded_from: str = "",
        hops: int = 0,
    ) -> None:
        self.setup = setup
        self.group = group
        self.hops = hops
        self.result = CallResult(call_sid or new_sid("CA"))
        self.line = Line(self.result, rate=rate, on_event=on_event)
        self.script = Script(
            scenario,
            self.line,
            scripted=setup.scripted,
            patience_ms=setup.patience_ms,
            surely_finished_ms=setup.surely_finished_ms,
        )
        self.leg = Leg(
            setup=setup,
            line=self.line,
            group=group,
            from_number=scenario.caller.number,
            to_number=scenario.caller.to,
            forwarded_from=forwarded_from,
        )
        self.interpreter = Interpreter(self.leg, self.script, self._dial)

    async def run(self) -> CallResult:
        """Ring, obey, end; the result is complete when this returns."""
        watches = [self.group.create_task(watch) for watch in self._watches()]
        with contextlib.suppress(HungUp):
            await self.interpreter.obey(self._first())
        for watch in watches:
            watch.cancel()
        await self._finish()
        return self.result

    def _first(self) -> Goto:
        number, road, faults = self.setup.number, self.setup.road, self.setup.faults
        voice = road.absolute(number.voice)
        error = {"ErrorCode": "11200", "ErrorUrl": voice}
        if faults.fallback_first:
            return Goto(road.absolute(number.fallback), "POST", error, "fallback")
        return Goto(voice, faults.webhook_method, error if faults.error_at_voice else {}, "voice")

    def _watches(self) -> Iterator[Coroutine[Any, Any, None]]:
        yield self._hang_up_at(LONGEST_CALL_MS, "limit")
        if self.setup.faults.hang_up_after_ring_ms is not None:
            yield self._hang_up_at(self.setup.faults.hang_up_after_ring_ms, "caller")

    async def _finish(self) -> None:
        result = self.result
        result.ended_ms = self.line.now_ms
        result.completed = self.script.undone == 0
        if self.leg.answered_ms is not None:
            result.status = "completed"
        elif result.status == "ringing":
            result.status = "no-answer"
        if result.streams:
            await asyncio.sleep(STATUS_AFTER_SECONDS)
        if self.setup.number.status:
            url = self.setup.road.absolute(self.setup.number.status)
            self.leg.errand("status", "POST", url, self.leg.completed_fields())
        await asyncio.gather(*self.leg.errands)
        self.line.tell("ended", result.ended_by)

    # Dialing somebody.

    async def _dial(self, verb: Verb, document: Document) -> dict[str, str]:
        noun = next(iter(verb.children), verb)
        dialed = re.sub(r"[\s().-]", "", noun.text)
        sid = new_sid("CA")
        callee = self.setup.callee
        self.line.tell("dial", dialed)
        if not E164.fullmatch(dialed) and noun.name in {"Number", "Dial"}:
            self.line.blame(f"13224 Dial: invalid phone number {noun.text!r}")
            return _dialed(sid, "failed")
        if callee.calls_back:
            return await self._dial_in_a_circle(sid, verb, dialed)
        timeout_ms = verb.number("timeout", 30) * 1000
        if callee.outcome == "failed":
            await self.line.pause(FAILED_AFTER_MS)
        elif callee.outcome == "no-answer" or callee.ring_ms > timeout_ms:
            await self.line.pause(timeout_ms)
            return _dialed(sid, "no-answer")
        else:
            await self.line.pause(callee.ring_ms)
        if callee.outcome != "answer":
            return _dialed(sid, callee.outcome)
        if noun.get("url") and not await self._whisper(sid, verb, noun, dialed, document):
            return _dialed(sid, "completed", 0)
        return await self._talk(sid)

    async def _talk(self, sid: str) -> dict[str, str]:
        talk_ms = self.setup.callee.talk_ms
        self.line.hear(self.line.now_ms, sound.tone(talk_ms, hz=350), "callee")
        await self.line.pause(talk_ms)
        return _dialed(sid, "completed", talk_ms)

    async def _whisper(self, sid: str, verb: Verb, noun: Verb, dialed: str, document: Document) -> bool:
        """What the callee hears first; whether the two are connected afterwards."""
        result = CallResult(sid)
        self.result.legs.append(result)
        line = Line(result, rate=self.line.rate, on_event=self.line.on_event)
        leg = Leg(
            setup=replace(self.setup, faults=Faults()),
            line=line,
            group=self.group,
            from_number=verb.get("callerId", self.leg.from_number),
            to_number=dialed,
            direction="outbound-dial",
            parent_sid=self.leg.call_sid,
        )
        leg.answer()
        presses = (Dtmf(self.setup.callee.presses),) if self.setup.callee.presses else ()
        scenario = Scenario("callee", Caller(dialed, dialed), presses)
        script = Script(scenario, line, scripted=False, patience_ms=self.setup.patience_ms)
        interpreter = Interpreter(leg, script, self._dial)
        url = self.setup.road.absolute(noun.get("url"), document.url)
        whisper = _obey(interpreter, Goto(url, noun.get("method", "POST"), purpose="whisper"))
        await self._while_running(self.group.create_task(whisper), line)
        return not interpreter.was_hung_up and not result.apology

    async def _dial_in_a_circle(self, sid: str, verb: Verb, dialed: str) -> dict[str, str]:
        """The callee's telephone sends the call to the number that was called in the first place."""
        if self.hops >= MOST_HOPS:
            self.line.blame(f"forwarding loop: the call has come back {self.hops} times")
            return _dialed(sid, "failed")
        await self.line.pause(self.setup.callee.ring_ms)
        caller = Caller(verb.get("callerId", self.leg.from_number), self.leg.to_number)
        call = Call(
            replace(self.setup, faults=Faults()),
            self.group,
            Scenario("forwarded", caller),
            rate=self.line.rate,
            on_event=self.line.on_event,
            forwarded_from=dialed if self.setup.callee.says_forwarded else "",
            hops=self.hops + 1,
        )
        self.result.legs.append(call.result)
        began = self.line.now_ms
        await self._while_running(self.group.create_task(call.run()), call.line)
        for piece in call.result.ear:
            self.result.ear.append(Piece(piece.at_ms + round(began), piece.payload, "callee"))
        if call.leg.answered_ms is None:
            return _dialed(sid, call.result.status)
        return _dialed(sid, "completed", call.result.ended_ms - call.leg.answered_ms)

    async def _while_running(self, task: "asyncio.Task[object]", line: Line) -> None:
        """Wait for the other leg; when our caller hangs up, it ends too."""
        try:
            while not task.done():
                await self.line.pause(sound.FRAME_MS)
        except HungUp:
            line.hang_up()
            await asyncio.wait([task])
            raise

    async def _hang_up_at(self, at_ms: float, by: str) -> None:
        with contextlib.suppress(HungUp):
            await self.line.until(at_ms)
            self.line.hang_up("limit" if by == "limit" else "caller")


async def _obey(interpreter: Interpreter, goto: Goto) -> None:
    with contextlib.suppress(HungUp):
        await interpreter.obey(goto)


def _dialed(sid: str, status: str, talked_ms: float | None = None) -> dict[str, str]:
    """The fields of a Dial's action; `talked_ms` is None when nobody took the call."""
    fields = {"DialCallSid": sid, "DialCallStatus": status, "DialBridged": "true" if talked_ms else "false"}
    if talked_ms is not None:
        fields["DialCallDuration"] = str(round(talked_ms / 1000))
    return fields
