"""Who answers a call, in the words of the conversation: from the persona of the domain."""

from calls.conversation.profile import Profile
from calls.domain import summaries
from calls.domain.persona import Persona
from calls.realtime.session import SessionSettings
from calls.relay import clips
from calls.tools import registry


def profile_of(persona: Persona, *, default_model: str) -> Profile:
    return Profile(
        greeting=persona.greeting,
        session=SessionSettings(
            instructions=persona.instructions,
            model=persona.model or default_model,
            voice=persona.voice,
            language=persona.language,
            semantic_vad=persona.has_semantic_vad,
            vad_threshold=persona.vad_threshold,
            silence_ms=persona.silence_ms,
            tools=registry.schemas(),
        ),
        first_clip=clips.payload("one_moment"),
        reply_clip=clips.payload("let_me_check"),
        summary_prompt=summaries.PROMPT,
    )
