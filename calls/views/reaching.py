"""Webhooks of the calls that we place and of the people we ring: each reads the form and makes one domain call."""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from calls import database, telephone
from calls.domain import escalation, transfer
from calls.domain.decisions import HangUp
from calls.twilio import addresses, webhook
from calls.views.answers import to_whisper
from calls.views.guard import from_twilio, never_failing, never_silent, no_content

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
