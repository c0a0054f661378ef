"""Twilio's webhooks: each reads the form, makes one domain call, and answers TwiML, or 204 to a status callback.

What is read from a form is named as the domain names it, so that it is handed over whole.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from calls import agents, database
from calls.domain import lifecycle, progress, streams
from calls.domain.decisions import Decision, Thanks
from calls.relay import live
from calls.twilio import addresses, webhook
from calls.views.answers import to_twiml
from calls.views.guard import (
    call_of,
    from_twilio,
    is_genuine,
    is_webhook,
    never_failing,
    never_silent,
    no_content,
    plain,
)

logger = logging.getLogger(__name__)

LOOKS, LOOK_SECONDS = 8, 0.1
BY_GET, AT_STREAM_ADDRESS = "webhook_by_get", "webhook_at_stream_address"


@from_twilio("Twilio asks here what to do with a call that comes in.")
@never_silent("voice")
async def incoming_call(request: HttpRequest, form: QueryDict) -> HttpResponse:
    return await ring(request, form, findings=_by_get(request))


@from_twilio("Twilio asks here what to do when the media stream of a call is over.")
@never_silent("after")
async def stream_action(request: HttpRequest, form: QueryDict) -> HttpResponse:
    leg = webhook.incoming_call(form)
    live.action_came(leg.call_sid)
    return await _decide(
        "stream is over", "after", lifecycle.leave_stream, leg=leg, default_number=settings.HANDOVER_NUMBER
    )


@from_twilio("Twilio asks here when another address of this server did not answer.")
@never_silent("fallback")
async def fallback(request: HttpRequest, form: QueryDict) -> HttpResponse:
    return await _fall_back(form, webhook.failure(form) or webhook.Failure(error_code="", address=""))


@from_twilio("Twilio asks here what to do when the telephone of a person has rung.")
@never_silent("dial-done")
async def dial_action(request: HttpRequest, form: QueryDict) -> HttpResponse:
    leg, outcome = webhook.incoming_call(form), webhook.dial_outcome(form)
    return await _decide(
        "dial is over",
        "dial-done",
        lifecycle.finish_dial,
        leg=leg,
        obstacle=_obstacle(request),
        refusal=agents.openai_refusal() or "",
        refused_models=agents.refused_models(),
        limits=agents.limits(),
        instance=settings.INSTANCE_ID,
        **asdict(outcome),
    )


@from_twilio("Twilio tells here that a voicemail was recorded.")
@never_silent("recording")
async def recording(request: HttpRequest, form: QueryDict) -> HttpResponse:
    """The action of `<Record>`, which is answered in words, and the recording's status callback, which is not."""
    told = webhook.recording(form)
    is_known = await database.run(lifecycle.keep_recording, **asdict(told), now=timezone.now())
    if told.status:
        return _noted("recording status", told.call_sid, is_known, status=told.status)
    return _speak("voicemail left", told.call_sid, Thanks())


@from_twilio("Twilio tells here how a call goes on.")
@never_failing("status")
async def call_status(request: HttpRequest, form: QueryDict) -> HttpResponse:
    change = webhook.status_change(form)
    is_known = await database.run(
        lifecycle.change_status, **asdict(change), findings=_by_get(request), now=timezone.now()
    )
    return _noted("call status", change.call_sid, is_known, status=change.call_status)


@from_twilio("Twilio tells here how the media stream of a call goes on.")
@never_failing("stream-status")
async def stream_status(request: HttpRequest, form: QueryDict) -> HttpResponse:
    told = webhook.stream_status(form)
    is_known = await database.run(lifecycle.note_stream_status, **asdict(told), now=timezone.now())
    if told.error:
        logger.warning("Twilio reports a stream error", extra={"call_sid": told.call_sid, "error": told.error})
    return _noted("stream status", told.call_sid, is_known, status=told.event)


@csrf_exempt
async def not_a_webhook(request: HttpRequest) -> HttpResponse:
    """The address of the stream, asked without an upgrade: somebody pasted it into the field for the webhook."""
    voice_url = addresses.webhook_url(settings.PUBLIC_BASE_URL, "voice")
    remedy = f'in Twilio, paste {voice_url} under "A call comes in" (HTTP POST)'
    if request.method == "POST" and is_webhook(request, request.POST) and is_genuine(request, request.POST):
        logger.error(
            "the address of the stream is pasted in the field of the webhook",
            extra={"remedy": remedy, **call_of(request.POST)},
        )
        return await _ring_at_stream_address(request, request.POST)
    return plain(
        f"This address is for media streams only: {remedy}.",
        HTTPStatus.UPGRADE_REQUIRED,
        # Hop-by-hop headers belong to the server under WSGI (PEP 3333), and none of those can upgrade.
        {"Upgrade": "websocket", "Connection": "Upgrade"} if _can_stream(request) else None,
    )


@never_silent("voice")
async def _ring_at_stream_address(request: HttpRequest, form: QueryDict) -> HttpResponse:
    return await ring(request, form, findings=[AT_STREAM_ADDRESS])


async def ring(request: HttpRequest, form: QueryDict, *, findings: list[str]) -> HttpResponse:
    if failure := webhook.failure(form):
        return await _fall_back(form, failure)
    leg = webhook.incoming_call(form)
    if leg.call_status == "in-progress":
        await _end_of_stream(leg.call_sid)
    return await _decide(
        "call comes in",
        "voice",
        lifecycle.receive_call,
        leg=leg,
        obstacle=_obstacle(request),
        refusal=agents.openai_refusal() or "",
        refused_models=agents.refused_models(),
        default_number=settings.HANDOVER_NUMBER,
        findings=findings,
        limits=agents.limits(),
        instance=settings.INSTANCE_ID,
    )


async def _end_of_stream(call_sid: str) -> None:
    """Twilio asks anew for a call that is being talked to: its stream is over, and the end of it is being written."""
    for _ in range(LOOKS):
        if not await database.run(streams.is_open, call_sid=call_sid):
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _fall_back(form: QueryDict, failure: webhook.Failure) -> HttpResponse:
    leg = webhook.incoming_call(form)
    logger.warning(
        "Twilio could not use a document of ours",
        extra={"call_sid": leg.call_sid, "error_code": failure.error_code, "webhook": failure.address},
    )
    return await _decide(
        "fallback",
        "fallback",
        lifecycle.fall_back,
        leg=leg,
        error_code=failure.error_code,
        failed_address=failure.address,
        default_number=settings.HANDOVER_NUMBER,
    )


async def _decide(
    what: str, address: str, rule: Callable[..., Decision], *, leg: webhook.IncomingCall, **facts: Any
) -> HttpResponse:
    decision = await database.run(
        progress.decided, rule, webhook=address, clock=timezone.now, leg=leg, now=timezone.now(), **facts
    )
    return _speak(what, leg.call_sid, decision)


def _obstacle(request: HttpRequest) -> str:
    """Why no agent can answer, whatever the line says."""
    return agents.obstacle() if _can_stream(request) else lifecycle.NO_WEBSOCKETS


def _can_stream(request: HttpRequest) -> bool:
    """A WSGI server answers webhooks, but the stream that the answer announces would find nobody."""
    return isinstance(request, ASGIRequest)


def _by_get(request: HttpRequest) -> list[str]:
    return [BY_GET] if request.method == "GET" else []


def _speak(what: str, call_sid: str, decision: Decision) -> HttpResponse:
    logger.info(what, extra={"call_sid": call_sid, "answer": type(decision).__name__})
    return to_twiml(decision)


def _noted(what: str, call_sid: str, is_known: bool, *, status: str) -> HttpResponse:
    logger.info(what, extra={"call_sid": call_sid, "status": status, "is_known": is_known})
    return no_content()
