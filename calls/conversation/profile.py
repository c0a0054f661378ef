"""Who answers a call, as far as the conversation needs to know."""

from dataclasses import dataclass

from calls.conversation.messages import RecordTool, RecordTurn
from calls.realtime.session import SessionSettings


@dataclass(frozen=True, slots=True)
class Profile:
    """Who answers: the first sentence, the session to ask OpenAI for, the clips (base64 mu-law) that fill a wait."""

    greeting: str
    session: SessionSettings
    first_clip: str
    reply_clip: str
    kept_greeting: tuple[str, ...] = ()
    """The greeting as sound, in pieces; empty when the model says it."""
    keeps_greeting: bool = False
    """Whether the greeting that the model says is to be kept for other calls."""
    longest_seconds: float = 1800.0
    """How long a call may last before it goes to a person."""
    closing_clip: str = ""
    """The last sentence of a server that ends; empty for none."""
    summary_prompt: str = ""
    """What OpenAI is asked to write when the call is over; empty for nothing."""
    past: tuple[RecordTurn | RecordTool, ...] = ()
    """What was said and done in the streams that this call had before, in order."""
