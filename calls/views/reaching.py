"""Webhooks of the calls that we place and of the people we ring: each reads the form and makes one domain call."""

import logging
from dataclasses import asdict

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from calls import database, telephone
from calls.domain import callback_dialing, delivery, escalation, lifecycle, transfer
from calls.domain.decisions import HangUp
from calls.twilio import addresses, webhook
from calls.views.answers import to_whisper
from calls.views.guard import from_twilio, never_failing, never_silent, no_content
from calls.views.voice import ring

logger = logging.getLogger(__name__)


@from_twilio("Twilio asks here what to tell a person whom we have rung.")
@never_silent("whisper", instead=HangUp())
async def whisper(request: HttpRequest, form: QueryDict) -> HttpResponse:
    """First without digits, then with the key that was pressed. The query names the emergency's alert, or the call of
    the caller who wants a person."""
    told, now = webhook.pressed(form), timezone.now()
    if alert_id := webhook.row_id(request.GET, "alert"):
        answer = await database.run(
            escalation.answer_alert, alert_id=alert_id, call_sid=told.call_sid, digits=told.digits, now=now
        )
        about: dict[str, str | int] = {"alert": alert_id}
    else:
        about = {"call": request.GET.get("call", "")[: webhook.MAX_SID]}
        answer = await database.run(transfer.announce, call_sid=about["call"], digits=told.digits, now=now)
    logger.info("person was rung", extra=about | {"answer": type(answer).__name__})
    return to_whisper(answer, again=addresses.webhook_url(settings.PUBLIC_BASE_URL, "whisper", **about))


@from_twilio("Twilio tells here how the ring of an on-call person goes on.")
@never_failing("alert-status")
async def alert_status(request: HttpRequest, form: QueryDict) -> HttpResponse:
    """Who is busy or does not answer is not waited for: the next person is rung at once."""
    change, alert_id = webhook.status_change(form), webhook.row_id(request.GET, "alert")
    if alert_id:
        emergency_id = await database.run(
            escalation.note_alert_status,
            alert_id=alert_id,
            call_sid=change.call_sid,
            call_status=change.call_status,
            now=timezone.now(),
        )
        if emergency_id:
            telephone.escalate_at_once(emergency_id)
    logger.info("alert status", extra={"call_sid": change.call_sid, "status": change.call_status})
    return no_content()


@from_twilio("Twilio asks here what to do when somebody whom we ring back has picked up.")
@never_silent("callback")
async def callback(request: HttpRequest, form: QueryDict) -> HttpResponse:
    """A call of ours is answered like any other; the query names the attempt, whose CallSid may not be stored yet."""
    leg = webhook.incoming_call(form)
    if attempt_id := webhook.row_id(request.GET, "attempt"):
        await database.run(callback_dialing.pick_up, attempt_id=attempt_id, call_sid=leg.call_sid)
    return await ring(request, form, findings=[])


@from_twilio("Twilio tells here how a call of ours goes on.")
@never_failing("callback-status")
async def callback_status(request: HttpRequest, form: QueryDict) -> HttpResponse:
    change, now = webhook.status_change(form), timezone.now()
    if attempt_id := webhook.row_id(request.GET, "attempt"):  # first: this is what writes the row of the call
        await database.run(
            callback_dialing.note_status,
            attempt_id=attempt_id,
            call_sid=change.call_sid,
            call_status=change.call_status,
            now=now,
        )
    await database.run(lifecycle.change_status, **asdict(change), findings=[], now=now)
    logger.info("callback status", extra={"call_sid": change.call_sid, "status": change.call_status})
    return no_content()


@from_twilio("Twilio tells here whether a machine has picked up a call of ours.")
@never_failing("amd")
async def machine_detection(request: HttpRequest, form: QueryDict) -> HttpResponse:
    """A machine hears a short message, or nothing; who has picked up themselves goes on talking."""
    told, attempt_id = webhook.machine_detection(form), webhook.row_id(request.GET, "attempt")
    words = None
    if attempt_id:
        words = await database.run(
            callback_dialing.note_machine,
            attempt_id=attempt_id,
            call_sid=told.call_sid,
            answered_by=told.answered_by,
        )
    if words is not None:
        await database.run(telephone.telephone().speak_instead, call_sid=told.call_sid, words=words)
    logger.info("machine detection", extra={"call_sid": told.call_sid, "answered_by": told.answered_by})
    return no_content()


@from_twilio("Twilio tells here what became of a text message.")
@never_failing("message-status")
async def message_status(request: HttpRequest, form: QueryDict) -> HttpResponse:
    told = webhook.message_status(form)
    is_known = await database.run(
        delivery.note_delivery, message_id=webhook.row_id(request.GET, "message"), **asdict(told)
    )
    if told.error_code:
        logger.warning(
            "text message was not delivered", extra={"message_sid": told.message_sid, "error_code": told.error_code}
        )
    logger.info("message status", extra={"message_sid": told.message_sid, "status": told.status, "is_known": is_known})
    return no_content()
