"""Which responses run: one in the default conversation, any number beside it; what each may change and costs."""

from collections.abc import Callable, Mapping
from typing import Any

from calls.emulators.realtime_items import Item
from calls.emulators.realtime_line import Line
from calls.emulators.realtime_response import Response
from calls.emulators.realtime_schema import Refused
from calls.emulators.realtime_script import OUT_OF_BAND, Script, forced_step
from calls.emulators.scenario import Agent

VOICE_LOCKED = "Cannot update a conversation's voice if assistant audio is present."
RATE_LIMITS_MS = 40
TOKEN_LIMIT = 15_000_000
CHARACTERS_PER_TOKEN = 4
AUDIO_MS_PER_TOKEN = {"user": 100, "assistant": 50}
CACHE_STEP = 64


class Speaking:
    def __init__(self, line: Line, script: Script) -> None:
        self._line = line
        self._script = script
        self.active: Response | None = None
        self.listeners: list[Callable[[Response], None]] = []  # told of each response that is over
        self._beside: dict[str, Response] = {}
        self._voice_locked = False
        self._context_before = 0

    def create_by_client(self, event: Mapping[str, Any]) -> None:
        """response.create"""
        overrides = dict(event.get("response") or {})
        beside = overrides.get("conversation") == "none"
        if self.active is not None and not beside:
            raise Refused(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {self.active.id}. "
                "Wait until the response is finished before creating a new one.",
            )
        if not beside:
            self.check_voice(overrides)
        for number, item in enumerate(overrides.get("input", [])):
            if item["type"] == "item_reference" and self._line.conversation.find(item["id"]) is None:
                message = f"Item with id '{item['id']}' not found."
                raise Refused("item_not_found", message, f"response.input[{number}].id")
        self.create(overrides)

    def cancel_by_client(self, event: Mapping[str, Any]) -> None:
        """response.cancel"""
        wanted = event.get("response_id")
        running = list(self._beside.values()) if wanted else []
        if self.active is not None:
            running.append(self.active)
        for response in running:
            if wanted in {None, response.id}:
                return response.cancel("client_cancelled")
        raise Refused("response_cancel_not_active", "Cancellation failed: no active response found")

    def check_voice(self, change: Mapping[str, Any]) -> None:
        """Refuse another voice once the conversation holds the agent's speech."""
        now = self._line.settings["audio"]["output"]["voice"]
        if self._voice_locked and change.get("audio", {}).get("output", {}).get("voice", now) != now:
            raise Refused("cannot_update_voice", VOICE_LOCKED)

    def create(self, overrides: Mapping[str, Any]) -> None:
        """Begin a response, if the script has not lost its tongue."""
        line = self._line
        beside = overrides.get("conversation") == "none"
        settings = {**line.settings, **overrides, "audio": {**line.settings["audio"]}}
        step = OUT_OF_BAND if beside else self._next_step(settings)
        if line.faults.never_respond or (step.fault is not None and step.fault.name == "silent"):
            return
        given = overrides.get("audio", {}).get("output", {})
        settings["audio"]["output"] = {**line.settings["audio"]["output"], **given}
        response = Response(line, self, settings, step, self._script.sound_of(step))
        if beside:
            self._beside[response.id] = response
        else:
            self.active = response
        if line.faults.response_created_ms:
            response.task = line.spawn(self._play_late(response), f"response {response.id}")
        else:
            self._announce(response)
            response.task = line.spawn(response.play(), f"response {response.id}")

    def was_told(self, item: Item) -> None:
        """The client puts into the conversation what happened without this session: a greeting that it played itself,
        or the turns and tool calls of a session before."""
        self._choose()
        match item.type, item.role:
            case "message", "assistant":
                self._script.was_said(item.text)
            case "message", "user":
                self._script.was_heard(item.text)
            case "function_call", _:
                self._script.was_called(item.body["name"])
        self._line.record.steps_left = self._script.steps_left

    def _choose(self) -> None:
        self._script.choose(self._line.settings["instructions"])
        self._line.record.scenario = self._script.scenario.name if self._script.scenario else None

    def _next_step(self, settings: Mapping[str, Any]) -> Agent:
        self._choose()
        if forced := forced_step(settings, self._script.scripted):
            return forced
        step = self._script.next_step()
        self._line.record.steps_left = self._script.steps_left
        return step

    async def _play_late(self, response: Response) -> None:
        await self._line.pause(self._line.faults.response_created_ms)
        self._announce(response)
        await response.play()

    def _announce(self, response: Response) -> None:
        faults = self._line.faults
        self._announce_faults(response.step)
        if not faults.done_without_created:
            self._line.emit("response.created", response=response.wire())
        if faults.rate_limits_first:
            self._tell_rate_limits(0)

    def _announce_faults(self, step: Agent) -> None:
        name = step.fault.name if step.fault else None
        if self._line.faults.malformed_json or name == "malformed":
            self._line.emit_raw('{"type": "response.output_audio.delta", "delta": "AAA')
        if self._line.faults.unknown_events or name == "unknown_event":
            self._line.emit("response.telepathy.delta", thought="…")

    def interrupt(self) -> None:
        """The caller speaks over the default response."""
        if self.active is not None:
            self.active.leak(self._line.faults.late_deltas)
            self.active.cancel("turn_detected")

    def spoke(self) -> None:
        self._voice_locked = True

    def finished(self, response: Response) -> None:
        """Send the last event of a response."""
        if self.active is response:
            self.active = None
        self._beside.pop(response.id, None)
        done = response.wire()
        self._line.emit("response.done", response=done)
        if self._line.faults.duplicate_done:
            self._line.emit("response.done", response=done)
        if not self._line.faults.rate_limits_first:
            self._line.spawn(self._tell_rate_limits_late(done["usage"]["total_tokens"]), "rate limits")
        for listener in self.listeners:
            listener(response)

    async def _tell_rate_limits_late(self, used: int) -> None:
        await self._line.pause(RATE_LIMITS_MS)
        self._tell_rate_limits(used)

    def _tell_rate_limits(self, used: int) -> None:
        limit = {"name": "tokens", "limit": TOKEN_LIMIT, "remaining": TOKEN_LIMIT - used, "reset_seconds": 0.001}
        self._line.emit("rate_limits.updated", rate_limits=[limit])

    def usage(self, response: Response) -> dict[str, Any]:
        """Tokens by the vendor's rates; what an earlier response has read already counts as cached."""
        mine = {item.id for item in response.items}
        items = self._line.conversation.items
        context = [item for item in items if item.id not in mine and _is_read(item, response.settings)]
        read = len(response.settings["instructions"]) + sum(len(item.text) for item in context)
        text_in = read // CHARACTERS_PER_TOKEN
        audio_in = sum(item.audio_ms // AUDIO_MS_PER_TOKEN[item.role] for item in context if item.role and item.audio)
        cached = min(self._context_before, text_in) // CACHE_STEP * CACHE_STEP
        if response.in_conversation:
            self._context_before = text_in
        text_out = sum(len(item.text) for item in response.items) // CHARACTERS_PER_TOKEN
        audio_out = response.audio_ms // AUDIO_MS_PER_TOKEN["assistant"]
        return {
            "total_tokens": text_in + audio_in + text_out + audio_out,
            "input_tokens": text_in + audio_in,
            "output_tokens": text_out + audio_out,
            "input_token_details": {
                "text_tokens": text_in,
                "audio_tokens": audio_in,
                "image_tokens": 0,
                "cached_tokens": cached,
                "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
        }


def _is_read(item: Item, settings: Mapping[str, Any]) -> bool:
    """Whether a response reads this item: all of the conversation, or only what its `input` refers to."""
    return "input" not in settings or any(given.get("id") == item.id for given in settings["input"])
