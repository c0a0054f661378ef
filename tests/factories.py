"""Rows for tests. Plain functions: every field has a sensible value, and a keyword changes it.

`None` for a related row means "make one"; a row of your own is used as it is. Times hang on `RANG_AT`.
"""

import itertools
from datetime import UTC, datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from calls.domain import greetings
from calls.models import (
    Agent,
    Business,
    Call,
    CallEvent,
    KeptGreeting,
    Message,
    PhoneLine,
    Server,
    Stream,
    ToolCall,
    Turn,
)

RANG_AT = datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC)

_serial = itertools.count(1)


def make_sid(prefix="CA"):
    """A new Sid of Twilio's form: two letters and 32 hexadecimal digits."""
    return f"{prefix}{next(_serial):032x}"


def make_business(**fields):
    return Business.objects.create(**{"name": "Cedar Plumbing", "handover_number": "+15550108000"} | fields)


def make_agent(*, business=None, **fields):
    return Agent.objects.create(business=business or make_business(), **fields)


def make_kept_greeting(*, agent, text, model="gpt-realtime-2.1", host="127.0.0.1", sound=b"\x20" * 8000, **fields):
    """One that fits calls of `agent` whose greeting is `text`; a second long unless `sound` says otherwise.

    It is an emulator's, unless `host` says otherwise.
    """
    digest = greetings.digest_of(text=text, voice=agent.voice, model=model, host=host)
    told = {"text": text, "voice": agent.voice, "model": model, "digest": digest, "made_at": RANG_AT}
    return KeptGreeting.objects.create(**{"agent": agent, "sound": sound, "ms": len(sound) // 8} | told | fields)


def make_line(*, business=None, agent=None, without_agent=False, **fields):
    """A line with its agent; `without_agent=True` for one that nobody answers."""
    business = business or (agent.business if agent else make_business())
    if agent is None and not without_agent:
        agent = make_agent(business=business)
    number = f"+1555011{next(_serial) % 10000:04}"
    return PhoneLine.objects.create(**{"business": business, "agent": agent, "number": number} | fields)


def make_call(*, line=None, **fields):
    """A call that is being streamed, on a line of its own unless `line` is given."""
    line = line or make_line()
    standing = {
        "call_sid": make_sid(),
        "account_sid": "AC" + "0" * 32,
        "business": line.business,
        "agent": line.agent,
        "line": line,
        "from_number": "+15550100001",
        "to_number": line.number,
        "status": Call.Status.STREAMING,
        "rang_at": RANG_AT,
        "streaming_at": RANG_AT + timedelta(milliseconds=600),
    }
    return Call.objects.create(**standing | fields)


def make_ended_call(*, line=None, seconds=83, **fields):
    """A call that the caller ended after `seconds`."""
    rang_at = fields.get("rang_at", RANG_AT)
    standing = {
        "status": Call.Status.ENDED,
        "end_reason": Call.EndReason.CALLER_HANGUP,
        "streaming_at": rang_at + timedelta(milliseconds=600),
        "ended_at": rang_at + timedelta(seconds=seconds),
        "model": "gpt-realtime-2.1",
        "first_audio_ms": 640,
    }
    return make_call(line=line, **standing | fields)


def make_server(**fields):
    """A server on a machine of its own; it gave its last sign of life 20 s after RANG_AT."""
    serial = next(_serial)
    standing = {
        "instance": f"instance{serial}",
        "host": f"host{serial}",
        "machine": f"machine{serial}",
        "pid": 4242,
        "pid_began": 1000,
        "version": "1.0",
        "started_at": RANG_AT - timedelta(hours=1),
        "heartbeat_at": RANG_AT + timedelta(seconds=20),
    }
    return Server.objects.create(**standing | fields)


def make_stream(*, call=None, **fields):
    call = call or make_call()
    return Stream.objects.create(**{"call": call, "stream_sid": make_sid("MZ"), "started_at": RANG_AT} | fields)


def make_turn(*, call=None, **fields):
    """One line of transcript, after those that the call has already."""
    call = call or make_call()
    position = fields.get("position", _next_position(call))
    standing = {
        "item_id": f"item_{next(_serial)}",
        "position": position,
        "role": Turn.Role.CALLER,
        "text": "My kitchen tap is dripping.",
        "started_ms": 1000 * (position + 1),
    }
    return Turn.objects.create(call=call, **standing | fields)


def make_tool_call(*, call=None, **fields):
    call = call or make_call()
    position = fields.get("position", _next_position(call))
    standing = {
        "tool_call_id": f"call_{next(_serial)}",
        "position": position,
        "name": "take_message",
        "arguments": {"name": "Robert Miller", "message": "The kitchen tap is dripping."},
        "result": {"taken": True},
        "status": ToolCall.Status.OK,
        "started_ms": 1000 * (position + 1),
        "duration_ms": 14,
    }
    return ToolCall.objects.create(call=call, **standing | fields)


def make_event(*, call=None, **fields):
    return CallEvent.objects.create(**{"call": call or make_call(), "kind": "webhook", "at_ms": 0} | fields)


def make_message(*, call=None, **fields):
    call = call or make_call()
    standing = {
        "business": call.business,
        "caller_name": "Robert Miller",
        "number": call.from_number,
        "text": "The kitchen tap is dripping.",
        "taken_at": call.rang_at + timedelta(seconds=40),
    }
    return Message.objects.create(call=call, **standing | fields)


def make_staff(*permissions, username=None, **fields):
    """A person who can log in to the admin, with `permissions` such as "calls.view_call"; password: "correct horse"."""
    users = get_user_model()._default_manager
    user = users.create_user(
        username=username or f"staff{next(_serial)}", password="correct horse", **{"is_staff": True} | fields
    )
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def make_superuser(**fields):
    return make_staff(is_superuser=True, **fields)


def _next_position(call):
    return call.turns.count() + call.tool_calls.count()
