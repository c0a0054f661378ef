"""Who answers a call, in the words of the conversation: from what the domain has admitted."""

from base64 import b64encode
from pathlib import Path

from calls.audio import BYTES_PER_MS
from calls.conversation.messages import RecordTool, RecordTurn
from calls.conversation.profile import Profile
from calls.domain import summaries
from calls.domain.persona import Persona
from calls.domain.streams import AdmittedStream
from calls.realtime.session import SessionSettings
from calls.relay import clips
from calls.tools import registry

RECORDS: dict[str, type[RecordTurn | RecordTool]] = {"turn": RecordTurn, "tool": RecordTool}
PIECE = 400 * BYTES_PER_MS  # of the kept greeting; a mark behind each says how far it was heard


def profile_of(admitted: AdmittedStream, *, longest_seconds: float, clips_folder: Path | None) -> Profile:
    persona = admitted.persona
    return Profile(
        greeting=persona.greeting,
        session=session_of(persona, model=admitted.model),
        first_clip=clips.payload("one_moment", clips_folder),
        reply_clip=clips.payload("let_me_check", clips_folder),
        closing_clip=clips.payload("closing", clips_folder),
        kept_greeting=() if admitted.past else _pieces(admitted.kept_greeting),
        keeps_greeting=persona.has_standing_greeting and not (admitted.kept_greeting or admitted.past),
        longest_seconds=longest_seconds,
        summary_prompt=summaries.PROMPT,
        past=tuple(RECORDS[kind](**fields) for kind, fields in admitted.past),
    )


def session_of(persona: Persona, *, model: str) -> SessionSettings:
    """What a call asks of OpenAI."""
    return SessionSettings(
        instructions=persona.instructions,
        model=model,
        voice=persona.voice,
        language=persona.language,
        semantic_vad=persona.has_semantic_vad,
        vad_threshold=persona.vad_threshold,
        silence_ms=persona.silence_ms,
        tools=registry.schemas(),
    )


def _pieces(sound: bytes) -> tuple[str, ...]:
    return tuple(b64encode(sound[i : i + PIECE]).decode("ascii") for i in range(0, len(sound), PIECE))
