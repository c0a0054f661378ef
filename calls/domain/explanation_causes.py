"""What can have gone wrong in a call: a closed list, and for each cause whose it is and what mends it.

The list is told in docs/explain_call.md, which a test holds to this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Party(StrEnum):
    NOBODY = "nobody"
    TWILIO = "Twilio"
    CONFIGURATION = "our configuration"
    SERVER = "our server"
    OPENAI = "OpenAI"
    NETWORK = "the network"
    CALLER = "the caller"
    PERSON = "the person who was dialed"


class Cause(StrEnum):
    NONE = "none"
    NO_KEY = "no_key"
    BAD_KEY = "bad_key"
    KEY_NOT_ALLOWED = "key_not_allowed"
    ACCOUNT_CLOSED = "account_closed"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    MODEL_UNKNOWN = "model_unknown"
    BETA_SHAPE = "beta_shape"
    BAD_ADDRESS = "bad_address"
    SESSION_REFUSED = "session_refused"
    OPENAI_REFUSED = "openai_refused"
    OPENAI_UNREACHABLE = "openai_unreachable"
    OPENAI_SLOW = "openai_slow"
    OPENAI_HUNG = "openai_hung"
    OPENAI_ERROR = "openai_error"
    OPENAI_CLOSED = "openai_closed"
    OPENAI_SILENT = "openai_silent"
    SLOW_ANSWERS = "slow_answers"
    WRONG_AUDIO_FORMAT = "wrong_audio_format"
    WEBHOOK_FAILED = "webhook_failed"
    WEBHOOK_MISSET = "webhook_misset"
    STREAM_REFUSED = "stream_refused"
    STREAM_NEVER_STARTED = "stream_never_started"
    STREAM_SLOW = "stream_slow"
    STREAM_PROTOCOL = "stream_protocol"
    STREAM_CUT = "stream_cut"
    NO_SOUND_FROM_TWILIO = "no_sound_from_twilio"
    SOUND_LOST = "sound_lost"
    CALL_FAILED = "call_failed"
    DATABASE_AWAY = "database_away"
    SERVER_DIED = "server_died"
    SERVER_SLOW = "server_slow"
    INTERNAL_ERROR = "internal_error"
    WRONG_SERVER = "wrong_server"
    DRAINING = "draining"
    CAPACITY = "capacity"
    BUDGET = "budget"
    BLOCKED_NUMBER = "blocked_number"
    NO_AGENT = "no_agent"
    FORWARDING_LOOP = "forwarding_loop"
    TOOL_FAILED = "tool_failed"
    TOOL_SLOW = "tool_slow"
    NOT_TRANSFERRED = "not_transferred"
    NOT_REACHED = "not_reached"
    MAX_LENGTH = "max_length"
    SILENT_CALLER = "silent_caller"
    HUNG_UP_IN_SILENCE = "hung_up_in_silence"
    HUNG_UP_EARLY = "hung_up_early"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class About:
    """`title` heads a group of calls; `remedy` is something to do, blank where there is nothing to mend. Without
    `is_fault` the call went as somebody wanted: the caller, or the owner's own limits and lists."""

    party: Party
    title: str
    remedy: str = ""
    is_fault: bool = True


_SET_KEY = (
    "Put a key of a project with credit into OPENAI_API_KEY and restart; then run manage.py doctor --only openai."
)
_STATUS = "Look at https://status.openai.com; nothing is to be mended here unless it happens again and again."
_ROAD = "Run manage.py doctor on the server, and check its way out: name service, firewall, proxy."

ABOUT: Mapping[Cause, About] = {
    Cause.NONE: About(Party.NOBODY, "Nothing went wrong", is_fault=False),
    Cause.NO_KEY: About(Party.CONFIGURATION, "No OpenAI key", _SET_KEY),
    Cause.BAD_KEY: About(
        Party.CONFIGURATION, "OpenAI does not know the key", f"The key was deleted or mistyped. {_SET_KEY}"
    ),
    Cause.KEY_NOT_ALLOWED: About(
        Party.CONFIGURATION,
        "The key may not use Realtime",
        "At platform.openai.com, allow the key's project the Realtime model; look for a proxy that answers 403 or 407.",
    ),
    Cause.ACCOUNT_CLOSED: About(
        Party.CONFIGURATION, "The OpenAI account is deactivated", "Ask OpenAI's support, or use another account's key."
    ),
    Cause.QUOTA: About(
        Party.CONFIGURATION,
        "No credit at OpenAI",
        "Add credit or raise the monthly limit at platform.openai.com under Billing.",
    ),
    Cause.RATE_LIMIT: About(
        Party.OPENAI,
        "OpenAI's rate limit",
        "Ask OpenAI for a higher limit, or let in fewer calls at once (CALLS_AT_ONCE).",
    ),
    Cause.MODEL_UNKNOWN: About(
        Party.CONFIGURATION,
        "The model does not exist for this key",
        "Enter a model that the key may use: OPENAI_REALTIME_MODEL, or the agent's own in the admin.",
    ),
    Cause.BETA_SHAPE: About(
        Party.CONFIGURATION,
        "The retired beta protocol was asked for",
        "Something between this server and OpenAI adds the header OpenAI-Beta: take it out of the proxy.",
    ),
    Cause.BAD_ADDRESS: About(
        Party.CONFIGURATION,
        "What OPENAI_REALTIME_URL names is not OpenAI's Realtime",
        "Delete OPENAI_REALTIME_URL from .env unless a proxy is meant; then its address begins with wss://.",
    ),
    Cause.SESSION_REFUSED: About(
        Party.CONFIGURATION,
        "OpenAI refused the session's settings",
        "Look at the agent's voice, model and language in the admin, then run manage.py doctor --only openai.",
    ),
    Cause.OPENAI_REFUSED: About(
        Party.CONFIGURATION,
        "OpenAI refused earlier calls, so this one was not tried",
        "The call before it names the reason; run manage.py doctor --only openai.",
    ),
    Cause.OPENAI_UNREACHABLE: About(Party.NETWORK, "OpenAI could not be reached", _ROAD),
    Cause.OPENAI_SLOW: About(Party.OPENAI, "OpenAI was ready late", _STATUS),
    Cause.OPENAI_HUNG: About(Party.OPENAI, "OpenAI took the connection and did not answer", _STATUS),
    Cause.OPENAI_ERROR: About(Party.OPENAI, "OpenAI had a fault of its own", _STATUS),
    Cause.OPENAI_CLOSED: About(Party.OPENAI, "The line to OpenAI was lost", _STATUS),
    Cause.OPENAI_SILENT: About(Party.OPENAI, "The model did not speak", _STATUS),
    Cause.SLOW_ANSWERS: About(
        Party.OPENAI,
        "The model was slow to answer",
        "If it happens often, choose a faster model for the agent, or shorten its instructions.",
    ),
    Cause.WRONG_AUDIO_FORMAT: About(
        Party.OPENAI,
        "Sound in a format that a telephone cannot play",
        "Use OpenAI's own address, or a proxy that passes audio/pcmu on unchanged.",
    ),
    Cause.WEBHOOK_FAILED: About(
        Party.SERVER,
        "Twilio could not use an answer of ours",
        "Look Twilio's error code up in its debugger, and this minute in the server's log; then run manage.py doctor.",
    ),
    Cause.WEBHOOK_MISSET: About(
        Party.CONFIGURATION,
        "The number's voice field is set wrong",
        "In Twilio, open the number: A call comes in: Webhook, https://…/twilio/voice, HTTP POST.",
    ),
    Cause.STREAM_REFUSED: About(
        Party.SERVER,
        "The media stream was refused",
        "One process has to know what another promised: the same SECRET_KEY and database for all, clocks set right.",
    ),
    Cause.STREAM_NEVER_STARTED: About(
        Party.CONFIGURATION,
        "The media stream never started",
        "Run manage.py doctor: it walks Twilio's road to /twilio/realtime and names the step that fails.",
    ),
    Cause.STREAM_SLOW: About(
        Party.NETWORK,
        "The media stream opened late",
        "A single one is Twilio's. If it happens often, run manage.py doctor: a proxy may delay the upgrade.",
    ),
    Cause.STREAM_PROTOCOL: About(
        Party.SERVER,
        "Twilio threw away something that we sent",
        "This is an error of this software: report it with the call's events (manage.py explain_call SID --json).",
    ),
    Cause.STREAM_CUT: About(
        Party.NETWORK,
        "The media stream was cut in mid-call",
        "A single one is a lost connection. If it happens often, look for a proxy with a time limit on WebSockets.",
    ),
    Cause.NO_SOUND_FROM_TWILIO: About(
        Party.TWILIO,
        "Twilio sent no sound any more",
        "Look at https://status.twilio.com, and at this call in Twilio's console.",
    ),
    Cause.SOUND_LOST: About(
        Party.NETWORK,
        "Some of the caller's sound was lost",
        "A single one is a bad connection. If it happens often, look at the server's network and load.",
    ),
    Cause.CALL_FAILED: About(
        Party.TWILIO, "Twilio could not carry the call", "Look at this call in Twilio's console, under Monitor, Logs."
    ),
    Cause.DATABASE_AWAY: About(
        Party.SERVER,
        "The database did not answer in time",
        "See that the database runs, its disk has room, and nothing else holds it; then run manage.py doctor.",
    ),
    Cause.SERVER_DIED: About(
        Party.SERVER,
        "The server was gone in mid-call",
        "Look in the log of the host for this minute: memory, a crash, a restart without waiting for the calls.",
    ),
    Cause.SERVER_SLOW: About(
        Party.SERVER,
        "The server was slow to pass the sound on",
        "Look at the server's load and memory; let in fewer calls at once (CALLS_AT_ONCE), or give it more processors.",
    ),
    Cause.INTERNAL_ERROR: About(
        Party.SERVER,
        "An error of this software",
        "The server's log holds the error under this CallSid: report it.",
    ),
    Cause.WRONG_SERVER: About(
        Party.CONFIGURATION,
        "A server without WebSockets answered",
        "Start it with manage.py serve, or another ASGI server; WSGI cannot carry a call.",
    ),
    Cause.DRAINING: About(Party.SERVER, "The server was shutting down", is_fault=False),
    Cause.CAPACITY: About(
        Party.CONFIGURATION,
        "Too many calls at once",
        "If there is room for more, raise CALLS_AT_ONCE, CALLS_PER_CALLER, or the business's “calls at once”.",
    ),
    Cause.BUDGET: About(
        Party.CONFIGURATION,
        "The day's minutes or money were used up",
        "If it was too little, raise the business's “minutes a day” or “budget of a day”, or CALLER_MINUTES_A_DAY.",
    ),
    Cause.BLOCKED_NUMBER: About(
        Party.CONFIGURATION,
        "The number is blocked",
        "If that is a mistake, take it off the list of blocked and direct numbers.",
        is_fault=False,
    ),
    Cause.NO_AGENT: About(
        Party.CONFIGURATION, "No agent for this number", "In the admin, add the number as a phone line with an agent."
    ),
    Cause.FORWARDING_LOOP: About(
        Party.CONFIGURATION,
        "The hand-over came back to us",
        "The hand-over number forwards to this line: end that forwarding, or hand over to another telephone.",
    ),
    Cause.TOOL_FAILED: About(
        Party.SERVER, "A tool failed", "The server's log holds the error under this CallSid: report it."
    ),
    Cause.TOOL_SLOW: About(
        Party.SERVER, "A tool was slow", "See whether the database or the disk is slow; then run manage.py doctor."
    ),
    Cause.NOT_TRANSFERRED: About(
        Party.PERSON,
        "Nobody took the caller over",
        "Call back. See that the hand-over number is right and that somebody answers it, and presses 1 if asked to.",
    ),
    Cause.NOT_REACHED: About(Party.PERSON, "Nobody answered our call", is_fault=False),
    Cause.MAX_LENGTH: About(
        Party.CONFIGURATION,
        "The longest time of a call was reached",
        "If calls need longer, raise MAX_CALL_MINUTES.",
        is_fault=False,
    ),
    Cause.SILENT_CALLER: About(Party.CALLER, "The caller stayed silent", is_fault=False),
    Cause.HUNG_UP_IN_SILENCE: About(
        Party.OPENAI,
        "The caller hung up in silence",
        "Record a greeting by letting one call hear it to its end: from then on it plays at once.",
    ),
    Cause.HUNG_UP_EARLY: About(Party.CALLER, "The caller hung up without a word", is_fault=False),
    Cause.UNEXPLAINED: About(
        Party.NOBODY,
        "What is stored does not tell",
        "Look in the server's log for this CallSid, and in Twilio's console.",
    ),
}
