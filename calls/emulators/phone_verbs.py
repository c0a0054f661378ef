"""Obeys TwiML: fetches documents, performs their verbs one after another, goes where actions lead."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from calls.emulators import phone_bin, phone_twiml, sound
from calls.emulators.phone_http import Answer, Failure
from calls.emulators.phone_leg import Leg, new_sid
from calls.emulators.phone_result import Piece, Source
from calls.emulators.phone_script import Script
from calls.emulators.phone_stream import Stream, Target
from calls.emulators.phone_twiml import Document, Verb

SAY_MS_PER_LETTER = 60
PLAY_MS = 1000
BEEP_MS = 500
KEY_MS = 300
APOLOGY = "We're sorry, an application error has occurred. Goodbye."
LONGEST_PARAMETER = 500
MOST_DOCUMENTS = 50
ANSWERING = frozenset({"Say", "Play", "Gather", "Record", "Dial", "Connect"})


class Finished(Exception):
    """The document has ended the call."""


@dataclass(frozen=True, slots=True)
class Goto:
    """The next document: where it is asked for, and with what beside the usual fields."""

    url: str
    method: str = "POST"
    extra: Mapping[str, str] = field(default_factory=dict)
    purpose: str = "action"


Step = Callable[["Interpreter", Verb, Document], Awaitable[Goto | None]]
# Places the call that <Dial> asks for; gives the Dial… fields of its action.
Dial = Callable[[Verb, Document], Awaitable[dict[str, str]]]


class Interpreter:
    """The part of Twilio that executes TwiML for one leg. `dial` is lent by the one who can place calls."""

    def __init__(self, leg: Leg, script: Script, dial: Dial) -> None:
        self.leg = leg
        self.line = leg.line
        self.script = script
        self.dial = dial
        self.was_hung_up = False

    async def obey(self, first: Goto) -> None:
        """Run from the first request to the end of the call; raises HungUp when the caller leaves earlier."""
        goto: Goto | None = first
        for _ in range(MOST_DOCUMENTS):
            if goto is None:
                self.line.result.ended_by = "server"
                return
            document = await self._fetch(goto)
            if document is None:
                await self._apologize()
                return
            try:
                goto = await self.perform(document)
            except Finished:
                self.was_hung_up, goto = True, None
        self.line.blame(f"the call went through {MOST_DOCUMENTS} documents without an end")
        self.line.hang_up("limit")

    async def _fetch(self, goto: Goto) -> Document | None:
        """The document, or the one of the fallback URL; None when both are unusable."""
        try:
            return await self.fetch(goto)
        except Failure as failure:
            self.line.blame(str(failure))
            number = self.leg.setup.number
            fallback = phone_bin.URL if number.bin else self._url(number.fallback)
            if goto.purpose == "fallback" or not (number.bin or number.fallback):
                return None
            extra = {**goto.extra, "ErrorCode": str(failure.code), "ErrorUrl": failure.url}
            return await self._fetch(Goto(fallback, "POST", extra, "fallback"))

    async def fetch(self, goto: Goto) -> Document:
        self.line.check()
        token = str(uuid.uuid4())
        if goto.purpose == "voice" and self.leg.setup.faults.twin_webhook:
            answer, twin = await asyncio.gather(self._ask(goto, token), self._ask(goto, token, " again"))
            self._compare(answer, twin)
        else:
            answer = await self._ask(goto, token)
        if goto.purpose == "voice" and self.leg.setup.faults.duplicate_webhook:
            self._compare(answer, await self._ask(goto, token, " again"))
        self.line.result.documents.append(answer.text)
        document = phone_twiml.read(answer)
        self.line.tell("twiml", answer.text)
        for warning in document.warnings:
            self.line.blame(warning)
        return document

    async def _ask(self, goto: Goto, token: str, suffix: str = "") -> Answer:
        if goto.url == phone_bin.URL:
            return phone_bin.answer(self.leg.setup.number.bin, self.leg.fields() | dict(goto.extra))
        purpose = goto.purpose + suffix
        return await self.leg.request(purpose, goto.method, goto.url, goto.extra, token=token)

    def _compare(self, answer: Answer, again: Answer) -> None:
        if again.body != answer.body:
            self.line.blame("the repeated webhook was answered with another document")

    async def _apologize(self) -> None:
        self.leg.answer()
        self.line.result.apology = True
        self.line.tell("apology", APOLOGY)
        await self._sound(sound.tone(len(APOLOGY) * SAY_MS_PER_LETTER, hz=200), "say")
        self.line.result.ended_by = "apology"

    async def perform(self, document: Document) -> Goto | None:
        """Perform the verbs in order; the first that leads elsewhere ends the document."""
        for verb in document.verbs:
            self.line.check()
            self.line.result.verbs.append(verb.name)
            self.line.tell("verb", verb.name)
            if verb.name in ANSWERING:
                self.leg.answer()
            goto = await STEPS[verb.name](self, verb, document)
            if goto is not None:
                return goto
        return None

    # Verbs.

    async def _say(self, verb: Verb, document: Document) -> None:
        if not verb.text:
            self.line.blame("13520 Say: invalid text (empty)")
        self.line.tell("said", verb.text)
        tone = sound.tone(len(verb.text) * SAY_MS_PER_LETTER, hz=200)
        for _ in range(max(1, verb.number("loop", 1))):
            await self._sound(tone, "say")

    async def _play(self, verb: Verb, document: Document) -> None:
        await self._sound(sound.tone(PLAY_MS, hz=250), "play")

    async def _pause(self, verb: Verb, document: Document) -> None:
        await self.line.pause(verb.number("length", 1) * 1000)

    async def _hang_up(self, verb: Verb, document: Document) -> None:
        raise Finished

    async def _reject(self, verb: Verb, document: Document) -> None:
        if self.leg.answered_ms is None:
            self.line.result.status = "busy" if verb.get("reason") == "busy" else "no-answer"
        raise Finished

    async def _redirect(self, verb: Verb, document: Document) -> Goto:
        return Goto(self._url(verb.text, document), verb.get("method", "POST"), purpose="redirect")

    async def _start(self, verb: Verb, document: Document) -> None:
        if any(noun.name == "Stream" for noun in verb.children):
            self.line.blame("the emulator knows no one-way stream (<Start><Stream>)")

    async def _stop(self, verb: Verb, document: Document) -> None:
        """Nothing runs that could be stopped."""

    async def _gather(self, verb: Verb, document: Document) -> Goto | None:
        for prompt in verb.children:
            self.line.result.verbs.append(prompt.name)
            await STEPS[prompt.name](self, prompt, document)
        extra = self._input(verb)
        if extra is None:
            await self.line.pause(verb.number("timeout", 5) * 1000)
            return None
        await self.line.pause(KEY_MS)
        return self._action(verb, document, extra)

    def _input(self, verb: Verb) -> dict[str, str] | None:
        kinds = verb.get("input", "dtmf").split()
        keys = self.script.take_keys() if "dtmf" in kinds else ""
        if keys:
            most = verb.number("numDigits", len(keys))
            return {"Digits": keys.partition(verb.get("finishOnKey", "#"))[0][:most]}
        if "speech" in kinds and (said := self.script.take_speech()):
            return {"SpeechResult": said[1], "Confidence": "0.9"}
        return None

    async def _record(self, verb: Verb, document: Document) -> Goto | None:
        if verb.get("playBeep", "true") == "true":
            await self._sound(sound.tone(BEEP_MS, hz=1000), "beep")
        voicemail = self.leg.setup.voicemail
        said = self.script.take_speech()
        speech = said[0] if said else sound.tone(voicemail.speak_ms, hz=300)
        speech = speech[: verb.number("maxLength", 3600) * sound.SAMPLE_RATE]
        if not speech:
            await self.line.pause(verb.number("timeout", 5) * 1000)
            return None
        began = self.line.now_ms
        self.line.speak(began, speech)
        await self.line.pause(sound.duration_ms(speech))
        self.line.result.recordings.append(Piece(round(began), speech, "caller"))
        if voicemail.ends_with == "silence":
            await self.line.pause(verb.number("timeout", 5) * 1000)
        elif voicemail.ends_with == "hangup" or self.script.take_hang_up():
            self.line.result.status = "completed"
            self.line.hang_up()
        return await self._recorded(verb, document, speech, voicemail.ends_with)

    async def _recorded(self, verb: Verb, document: Document, speech: bytes, ends_with: str) -> Goto | None:
        sid = new_sid("RE")
        account = self.leg.setup.account_sid
        extra = {
            "RecordingSid": sid,
            "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/{account}/Recordings/{sid}",
            "RecordingDuration": str(max(1, round(sound.duration_ms(speech) / 1000))),
        }
        if callback := verb.get("recordingStatusCallback"):
            done = {"RecordingStatus": "completed", "RecordingChannels": "1", "RecordingSource": "RecordVerb"}
            method = verb.get("recordingStatusCallbackMethod", "POST")
            self.leg.errand("recording", method, self._url(callback, document), extra | done)
        goto = self._action(verb, document, extra | ({} if ends_with == "silence" else {"Digits": ends_with}))
        if self.line.receiver_down:
            # The action is told, but nobody is left to hear what its document says.
            self.leg.errand("action", goto.method, goto.url, goto.extra)
            self.line.check()
        return goto

    async def _dial(self, verb: Verb, document: Document) -> Goto | None:
        extra = await self.dial(verb, document)
        return self._action(verb, document, extra) if verb.get("action") else None

    async def _connect(self, verb: Verb, document: Document) -> Goto | None:
        nouns = [noun for noun in verb.children if noun.name == "Stream"]
        if not nouns:
            self.line.blame("12200 schema warning: <Connect> without a noun")
        for noun in nouns[:1]:
            if await self._run_stream(noun, document):
                return Goto(self._url(self.leg.setup.number.voice), purpose="redirect")
        self.line.check()
        return self._action(verb, document, {}) if verb.get("action") else None

    async def _run_stream(self, noun: Verb, document: Document) -> bool:
        """Stream; whether the call was sent back to the voice webhook meanwhile."""
        setup = self.leg.setup
        target, error = self._target(noun)
        callback_url = noun.get("statusCallback")
        callback = (noun.get("statusCallbackMethod", "POST"), callback_url and self._url(callback_url, document))

        def notify(event: str, text: str) -> None:
            self.leg.report_stream(callback, stream.record.stream_sid, target.name, event, text)

        stream = Stream(self.line, setup.road, setup.signer, setup.faults, setup.account_sid, target, notify)
        if error:
            self.line.blame(error)
            stream.record.error = error
            self.line.result.streams.append(stream.record)
            notify("stream-error", error)
            return False
        await stream.run(self.script)
        return stream.was_led_away

    def _target(self, noun: Verb) -> tuple[Target, str]:
        """What the noun asks for, and the error that keeps Twilio from trying."""
        url = noun.get("url")
        parts = urlsplit(url)
        error = ""
        if parts.scheme not in ({"ws", "wss"} if self.leg.setup.road.is_plain else {"wss"}):
            error = f"31922 the scheme of {url!r} is not wss"
        elif not self.leg.setup.road.leads_to(url):
            error = f"31902 {url!r} is not on the public host, and the emulator connects to no other"
        elif noun.get("track", "inbound_track") != "inbound_track":
            error = f"31941 invalid track {noun.get('track')!r}: <Connect> knows only inbound_track"
        if parts.query:
            self.line.blame(f"31920 the query string of {url!r} was dropped; use <Parameter>")
        parameters = {p.get("name"): p.get("value") for p in noun.children}
        for name, value in parameters.items():
            if len(name) + len(value) >= LONGEST_PARAMETER:
                self.line.blame(f"parameter {name!r}: name and value have 500 characters or more")
        return Target(urlunsplit(parts._replace(query="")), parameters, noun.get("name")), error

    # What several verbs need.

    async def _sound(self, payload: bytes, source: Source) -> None:
        self.line.hear(self.line.now_ms, payload, source)
        await self.line.pause(sound.duration_ms(payload))

    def _url(self, url: str, document: Document | None = None) -> str:
        return self.leg.setup.road.absolute(url, document.url if document else None)

    def _action(self, verb: Verb, document: Document, extra: Mapping[str, str]) -> Goto:
        """Where the verb leads; without an action to the document that it stands in."""
        return Goto(self._url(verb.get("action", document.url), document), verb.get("method", "POST"), extra)


STEPS: dict[str, Step] = {
    "Say": Interpreter._say,
    "Play": Interpreter._play,
    "Pause": Interpreter._pause,
    "Gather": Interpreter._gather,
    "Record": Interpreter._record,
    "Dial": Interpreter._dial,
    "Redirect": Interpreter._redirect,
    "Reject": Interpreter._reject,
    "Hangup": Interpreter._hang_up,
    "Connect": Interpreter._connect,
    "Start": Interpreter._start,
    "Stop": Interpreter._stop,
}
