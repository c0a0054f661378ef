"""The agent's voice on its way to the caller: passed on, counted, cut off when the caller speaks."""

from calls.audio import BYTES_PER_MS, payload_bytes
from calls.conversation.messages import Command, RecordTurn, event, to_ms
from calls.conversation.playback import CLIP, Cut, Playback
from calls.conversation.tool_calls import LONGEST_ID
from calls.conversation.transcript import Transcript
from calls.realtime import wire
from calls.twilio import stream

MOST_AHEAD = 120 * 1000 * BYTES_PER_MS
"""Sound that may be sent and not yet played; no receptionist speaks that long, and a caller who hears nothing must
not cost memory without end."""
MOST_PIECES = 4500
"""Marks that may be out: 90 s of sound in pieces of 20 ms."""


class AgentVoice:
    def __init__(self, transcript: Transcript) -> None:
        self.dropped = 0  # pieces of sound that there was no room for
        self._transcript = transcript
        self._playback = Playback()
        self._muted: set[str] = set()  # items and responses of which nothing more may be heard
        self._spoken: set[str] = set()  # responses of which the caller was sent sound
        self._sounded: set[str] = set()  # items of which the caller was sent sound
        self._gone: set[str] = set()  # items of sessions that were lost
        self._own: set[str] = set()  # items of ours, of which OpenAI has no sound
        self._wordy: dict[str, str] = {}  # items that have words but no sound yet, and their responses
        self._is_over = False

    def speak(self, delta: wire.OutputAudioDelta, now: float) -> list[Command]:
        """Pass a piece of sound on, with a mark behind it; nothing of what was cut off before."""
        if self._is_over or not delta.length or delta.item_id in self._muted or delta.response_id in self._muted:
            return []
        if self._playback.ahead(now) > MOST_AHEAD or self._playback.pieces > MOST_PIECES:
            self.dropped += 1
            return [event("sound_dropped", now)] if self.dropped == 1 else []
        self._spoken.add(delta.response_id)
        self._sounded.add(delta.item_id)
        self._wordy.pop(delta.item_id, None)
        # The turn begins when its first sound is heard: behind what is still playing.
        self._transcript.agent_speaks(delta.item_id, to_ms(max(now, self._playback.ends_at())))
        mark = self._playback.send(delta.item_id, delta.content_index, delta.length, now)
        return [stream.Media(delta.payload), stream.Mark(mark)]

    def play_own(self, item_id: str, payload: str, now: float) -> list[Command]:
        """Play words of the agent that OpenAI did not say: an item that it cannot cut."""
        self._own.add(item_id)
        mark = self._playback.send(item_id, 0, payload_bytes(payload), now)
        return [stream.Media(payload), stream.Mark(mark)]

    def play_clip(self, payload: str, now: float) -> list[Command]:
        """Play a clip of ours, which is no item of OpenAI's conversation."""
        mark = self._playback.send(CLIP, 0, payload_bytes(payload), now)
        return [stream.Media(payload), stream.Mark(mark)]

    def say_last(self, payload: str, now: float) -> list[Command]:
        """Play a last clip, or none; the agent is not heard any more."""
        self._is_over = True
        return self.play_clip(payload, now) if payload else []

    def finished(self, item_id: str, content_index: int) -> list[Command]:
        """No more sound will come for this part of an item."""
        self._playback.finish(item_id, content_index)
        return []

    def acknowledge(self, mark: str, now: float) -> list[Command]:
        self._playback.acknowledge(mark, now)
        return []

    def words_came(self, item_id: str, response_id: str, now: float) -> list[Command]:
        """The agent's words run ahead of its sound; those of a response that was cut off will never have any."""
        if item_id in self._sounded or item_id in self._muted:
            return []
        if response_id in self._muted:
            return self._take_back(item_id, now)
        self._wordy[item_id] = response_id
        return []

    def mute(self, response_id: str, now: float) -> list[Command]:
        """OpenAI cancels this response by itself: sound of it that still comes must not be heard, and what had no
        sound yet was not said."""
        self._muted.add(response_id)
        unsaid = [item_id for item_id, response in self._wordy.items() if response == response_id]
        return [command for item_id in unsaid for command in self._take_back(item_id, now)]

    def _take_back(self, item_id: str, now: float) -> list[Command]:
        self._muted.add(item_id)
        self._wordy.pop(item_id, None)
        return [wire.DeleteItem(item_id), self._transcript.agent_interrupted(item_id, 0, 0, to_ms(now))]

    def has_words_of(self, response_id: str) -> bool:
        """Whether words of the response have come that have no sound yet."""
        return response_id in self._wordy.values()

    def has_spoken(self, response_id: str) -> bool:
        return response_id in self._spoken

    def is_playing(self, now: float) -> bool:
        """Whether the caller still has something to hear, as far as Twilio has told."""
        return self._playback.is_playing(now)

    def ends_at(self) -> float:
        """When the caller will have heard all, by the clock."""
        return self._playback.ends_at()

    def barge_in(self, now: float) -> list[Command]:
        """The caller speaks: silence at once, and OpenAI is told how much was heard. Nothing if nothing was playing."""
        if not self.is_playing(now):
            return []
        commands: list[Command] = [stream.Clear()]
        for cut in self._playback.interrupt(now):
            self._muted.add(cut.item_id)
            turn = self._transcript.agent_interrupted(cut.item_id, cut.heard_ms, cut.total_ms, to_ms(now))
            if cut.item_id in self._gone:
                commands += _tell_less(cut.item_id, turn.text)
            elif cut.item_id not in self._own:
                commands.append(self._cut_at_openai(cut))
            commands += [
                turn,
                event("barge_in", now, item_id=cut.item_id, heard_ms=cut.heard_ms, received_ms=cut.received_ms),
            ]
        return commands

    @staticmethod
    def _cut_at_openai(cut: Cut) -> Command:
        if cut.heard_ms:
            return wire.TruncateItem(cut.item_id, cut.content_index, cut.heard_ms)
        # OpenAI refuses to truncate at 0: an item that nobody heard is taken out whole.
        return wire.DeleteItem(cut.item_id)

    def session_lost(self, now: float) -> list[RecordTurn]:
        """Nothing more will come of what is being said. What was sent is still heard; words without sound are not."""
        cut = [(part.item_id, part.received // BYTES_PER_MS) for part in self._playback.finish_all()]
        unsaid = [(item_id, 0) for item_id in self._wordy]
        self._gone |= self._sounded
        self._muted.update(self._wordy)
        self._wordy.clear()
        return [self._transcript.agent_interrupted(item_id, ms, None, to_ms(now)) for item_id, ms in cut + unsaid]

    def cut_off(self, now: float) -> list[RecordTurn]:
        """The call is over: what the caller did not hear any more."""
        return [
            self._transcript.agent_interrupted(cut.item_id, cut.heard_ms, cut.total_ms, to_ms(now))
            for cut in self._playback.interrupt(now)
        ]


def _tell_less(item_id: str, heard: str) -> list[Command]:
    """To the session that was told the whole text of an earlier one's item: text cannot be cut, only told again."""
    again = [wire.AddText(f"heard-{item_id}"[:LONGEST_ID], "assistant", heard)] if heard else []
    return [wire.DeleteItem(item_id[:LONGEST_ID]), *again]
