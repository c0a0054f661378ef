"""The caller's side of a session: audio in, turns out, transcriptions whenever they are ready."""

import asyncio
from collections.abc import Sequence
from typing import Any

from calls.emulators import realtime_script
from calls.emulators.realtime_events import TRANSCRIBERS
from calls.emulators.realtime_items import Item, new_id
from calls.emulators.realtime_line import Line
from calls.emulators.realtime_record import Turn
from calls.emulators.realtime_response import Response
from calls.emulators.realtime_schema import Refused
from calls.emulators.realtime_script import Script
from calls.emulators.realtime_speaking import AUDIO_MS_PER_TOKEN, Speaking
from calls.emulators.realtime_vad import Detector, InputBuffer, ScriptedDetector, Started, Stopped, detector

SHORTEST_COMMIT_MS = 100


class Hearing:
    """Turns received audio into the caller's items; `spans` replaces the detector by a script (milliseconds)."""

    def __init__(
        self, line: Line, script: Script, speaking: Speaking, spans: Sequence[tuple[int, int]] | None = None
    ) -> None:
        self._line = line
        self._script = script
        self._speaking = speaking
        self._spans = spans
        self._buffer = InputBuffer()
        self._detector: Detector | None = None
        self._item_id = new_id("item")
        self._idle: asyncio.Task[None] | None = None
        speaking.listeners.append(self._response_finished)
        self.configure()

    @property
    def _settings(self) -> dict[str, Any]:
        return dict(self._line.settings["audio"]["input"])

    def configure(self) -> None:
        """Take over the settings of the session; speech in progress is forgotten."""
        self._buffer.change_format(self._settings["format"]["type"])
        turns, now_ms = self._settings["turn_detection"], self._buffer.clock_ms
        self._detector = detector(turns, now_ms=now_ms)
        if turns is not None and self._spans is not None:
            self._detector = ScriptedDetector(self._spans, now_ms=now_ms)

    def append(self, payload: bytes) -> None:
        for level in self._buffer.append(payload):
            heard = self._detector.hear(level, self._buffer.clock_ms) if self._detector else None
            if isinstance(heard, Started):
                self._speech_started(heard.ms)
            elif isinstance(heard, Stopped):
                self._speech_stopped(heard.ms)
        if self._detector and not self._detector.speaking:
            self._buffer.forget_silence(self._settings["turn_detection"].get("prefix_padding_ms", 300))

    def _speech_started(self, ms: int) -> None:
        self._stop_waiting()
        self._line.emit("input_audio_buffer.speech_started", audio_start_ms=ms, item_id=self._item_id)
        if self._settings["turn_detection"]["interrupt_response"]:
            self._speaking.interrupt()

    def _speech_stopped(self, ms: int) -> None:
        self._line.emit("input_audio_buffer.speech_stopped", audio_end_ms=ms, item_id=self._item_id)
        self._commit(self._buffer.take_heard())
        # A turn that ends while another response runs and may not be interrupted gets no response.
        if self._settings["turn_detection"]["create_response"] and self._speaking.active is None:
            self._speaking.create({})

    def commit_by_client(self) -> None:
        if self._buffer.duration_ms < SHORTEST_COMMIT_MS:
            message = (
                f"Error committing input audio buffer: buffer too small. Expected at least {SHORTEST_COMMIT_MS}ms "
                f"of audio, but buffer only has {self._buffer.duration_ms:.2f}ms of audio."
            )
            raise Refused("input_audio_buffer_commit_empty", message)
        self._commit(self._buffer.take_all())
        if self._detector:
            self._detector.reset(self._buffer.clock_ms)

    def clear(self) -> None:
        self._buffer.take_all()
        if self._detector:
            self._detector.reset(self._buffer.clock_ms)

    def _commit(self, audio: bytes, text: str | None = None) -> None:
        """Make the caller's item of `audio`; `text` is what was said, by default what the script says."""
        content = {"type": "input_audio", "transcript": None}
        body = {"type": "message", "role": "user", "content": [content]}
        item = Item(body, id=self._item_id, audio=bytearray(audio), audio_kind=self._buffer.kind)
        self._item_id = new_id("item")
        conversation = self._line.conversation
        conversation.add(item)
        self._line.emit(
            "input_audio_buffer.committed", item_id=item.id, previous_item_id=conversation.previous_id(item)
        )
        self._line.tell_item(item)
        self._script.choose(self._line.settings["instructions"])
        if text is None:
            text = self._script.next_transcript()
            self._line.record.turns.append(Turn("user", text, item_id=item.id))
        if self._settings["transcription"] is not None:
            self._line.spawn(self._transcribe(item, text), f"transcription {item.id}")

    async def _transcribe(self, item: Item, text: str) -> None:
        model = self._settings["transcription"]["model"]
        kind = "conversation.item.input_audio_transcription"
        await self._line.pause(self._line.tempo.transcription_ms)
        if self._line.faults.transcription_fails or model not in TRANSCRIBERS:
            error = {
                "type": "transcription_error",
                "code": "audio_unintelligible" if model in TRANSCRIBERS else "model_not_found",
                "message": "The audio could not be transcribed.",
                "param": None,
            }
            self._line.emit(f"{kind}.failed", item_id=item.id, content_index=0, error=error)
            return
        for word in realtime_script.tokens(text):
            self._line.emit(f"{kind}.delta", item_id=item.id, content_index=0, delta=word, obfuscation=new_id("x"))
        item.body["content"][0]["transcript"] = text
        audio, words = item.audio_ms // AUDIO_MS_PER_TOKEN["user"], len(text) // 4
        usage = {
            "type": "tokens",
            "total_tokens": audio + words,
            "input_tokens": audio,
            "input_token_details": {"text_tokens": 0, "audio_tokens": audio},
            "output_tokens": words,
        }
        self._line.emit(f"{kind}.completed", item_id=item.id, content_index=0, transcript=text, usage=usage)

    # A caller who says nothing.

    def _response_finished(self, response: Response) -> None:
        turns = self._settings["turn_detection"]
        ended_well = response.in_conversation and response.status == "completed"
        if ended_well and turns and turns.get("idle_timeout_ms"):
            self._stop_waiting()
            wait_ms = response.audio_ms + turns["idle_timeout_ms"]
            self._idle = self._line.spawn(self._wait_for_caller(wait_ms), "idle timeout")

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def _wait_for_caller(self, wait_ms: int) -> None:
        start_ms = self._buffer.clock_ms
        await self._line.pause(wait_ms)
        self._idle = None
        if self._speaking.active is not None or (self._detector and self._detector.speaking):
            return
        self._line.emit(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=start_ms,
            audio_end_ms=self._buffer.clock_ms,
            item_id=self._item_id,
        )
        self._commit(self._buffer.take_all(), text="")
        self._speaking.create({})
