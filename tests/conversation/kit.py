"""A conversation in a given state, and the messages that a call is made of."""

from base64 import b64encode

from calls.audio import silence_payload
from calls.conversation.machine import Conversation
from calls.conversation.messages import LineOpened, RecordEvent, RecordTurn
from calls.conversation.profile import Profile
from calls.realtime import wire
from calls.realtime.session import SessionSettings
from calls.twilio import stream

FIRST_CLIP = silence_payload(1000)
REPLY_CLIP = silence_payload(900)
PROFILE = Profile(
    greeting="Hello from Cedar Plumbing.",
    session=SessionSettings(instructions="Be kind.", model="gpt-realtime-2.1"),
    first_clip=FIRST_CLIP,
    reply_clip=REPLY_CLIP,
)
PCMU = wire.SessionUpdated("audio/pcmu", "audio/pcmu")
FRAME = silence_payload(20)


def sound(ms: int, code: int = 0x20) -> str:
    return b64encode(bytes([code]) * (ms * 8)).decode()


def agent_audio(ms: int, item: str = "item_A1", response: str = "resp_1", index: int = 0) -> wire.OutputAudioDelta:
    return wire.OutputAudioDelta(response, item, index, sound(ms), ms * 8)


def opening_call(now: float = 1.0, profile: Profile = PROFILE) -> Conversation:
    """A call whose stream has just started, 1 s after the ring."""
    call = Conversation(profile)
    call.receive(stream.Start("MZ1", "CA1"), now)
    return call


def ready_call(now: float = 1.2, profile: Profile = PROFILE) -> Conversation:
    """A call whose session is ready and whose greeting was asked for."""
    call = opening_call(profile=profile)
    call.receive(LineOpened(), 1.1)
    call.receive(wire.SessionCreated("sess_1"), 1.1)
    call.receive(PCMU, now)
    return call


def greeting_call(ms: int = 1000, profile: Profile = PROFILE) -> Conversation:
    """At 2.0 s `ms` milliseconds of greeting were sent; the response is still being made."""
    call = ready_call(profile=profile)
    call.receive(wire.ResponseCreated("resp_1"), 1.9)
    call.receive(agent_audio(ms), 2.0)
    return call


def greeted_call(profile: Profile = PROFILE) -> Conversation:
    """At 3.0 s the greeting was said and heard whole."""
    call = greeting_call(1000, profile)
    call.receive(wire.OutputAudioDone("item_A1", 0), 2.1)
    call.receive(wire.AgentText("item_A1", 0, "Hello from Cedar Plumbing."), 2.1)
    call.receive(wire.ResponseDone("resp_1", "completed"), 2.1)
    call.receive(stream.Mark("0:item_A1:0:8000"), 3.0)
    return call


def asked_call(now: float = 5.0) -> Conversation:
    """The caller has spoken from 4 s on; at `now` OpenAI noticed the end of it and starts a response."""
    call = greeted_call()
    call.receive(wire.SpeechStarted("item_U1"), 4.0)
    call.receive(wire.SpeechStopped("item_U1"), now)
    call.receive(wire.Committed("item_U1", "item_A1"), now)
    call.receive(wire.ResponseCreated("resp_2"), now)
    return call


def without_records(commands: list) -> list:
    return [command for command in commands if not isinstance(command, RecordEvent | RecordTurn)]


def events(commands: list) -> list[str]:
    return [command.kind for command in commands if isinstance(command, RecordEvent)]


def turns(commands: list) -> list[RecordTurn]:
    return [command for command in commands if isinstance(command, RecordTurn)]
