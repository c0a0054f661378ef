"""Decisions of the domain as TwiML."""

from django.conf import settings
from django.http import HttpResponse

from calls.domain import tokens
from calls.domain.decisions import (
    Announce,
    Answer,
    Busy,
    Connect,
    Decision,
    HandOver,
    HangUp,
    Refuse,
    Thanks,
    Transfer,
    Voicemail,
    Whisper,
)
from calls.relay import expected
from calls.twilio import addresses, twiml


def to_twiml(decision: Decision) -> HttpResponse:
    match decision:
        case Answer():
            return _answer(decision)
        case HandOver():
            return _hand_over(decision)
        case Transfer():
            return _transfer(decision)
        case Busy():
            return twiml.respond("busy", {})
        case Refuse(words=words):
            return twiml.respond("say_and_hang_up", {"words": words})
        case Voicemail(business=business):
            return twiml.respond("voicemail", {"business": business, "recording_url": _url("recording")})
        case Thanks():
            return twiml.respond("thanks", {})
        case HangUp():
            return twiml.respond("hang_up", {})


def to_whisper(whisper: Whisper, *, again: str) -> HttpResponse:
    """What somebody hears whom we rang; `again` is where the key goes."""
    match whisper:
        case Announce(words=words):
            return twiml.respond("announce", {"words": words, "action_url": again})
        case Connect(words=words):
            return twiml.respond("connect", {"words": words})
        case HangUp():
            return twiml.respond("hang_up", {})


def _answer(decision: Answer) -> HttpResponse:
    token = tokens.mint(secret_key=settings.SECRET_KEY, call_sid=decision.call_sid, nonce=decision.nonce)
    expected.expect(decision.call_sid, token)
    context = {
        "action_url": _url("after"),
        "stream_url": addresses.stream_url(settings.PUBLIC_BASE_URL),
        "status_url": _url("stream-status"),
        "token": token,
    }
    return twiml.respond("answer", context)


def _hand_over(decision: HandOver) -> HttpResponse:
    context = {
        "business": decision.business,
        "action_url": _url("dial-done"),
        "caller_id": decision.caller_id,
        "number": decision.number,
    }
    return twiml.respond("hand_over", context)


def _transfer(decision: Transfer) -> HttpResponse:
    whisper_url = addresses.webhook_url(settings.PUBLIC_BASE_URL, "whisper", call=decision.call_sid)
    context = {
        "action_url": _url("dial-done"),
        "caller_id": decision.caller_id,
        "number": decision.number,
        "seconds": str(decision.seconds),
        "is_first": decision.is_first,
        "whisper_url": whisper_url if decision.is_announced else "",
    }
    return twiml.respond("transfer", context)


def _url(name: str) -> str:
    return addresses.webhook_url(settings.PUBLIC_BASE_URL, name)
