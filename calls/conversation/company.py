"""Clips that keep the caller company while the agent owes a sound."""

from calls.conversation.messages import Command, event
from calls.conversation.patience import Patience
from calls.conversation.profile import Profile
from calls.conversation.voice import AgentVoice


class Company:
    def __init__(self, profile: Profile, patience: Patience, voice: AgentVoice) -> None:
        self._profile = profile
        self._patience = patience
        self._voice = voice

    def keep(self, now: float, *, is_first: bool) -> list[Command]:
        """Play a clip when one is due. `is_first`: the agent has not spoken yet."""
        if self._patience.filler_at is None or now < self._patience.filler_at:
            return []
        if self._voice.is_playing(now) and (ends_at := self._voice.ends_at()) > now:
            self._patience.postpone(ends_at)
            return []
        commands = self._voice.play_clip(self._profile.first_clip if is_first else self._profile.reply_clip, now)
        self._patience.filled(self._voice.ends_at())
        return [*commands, event("filler", now)]
