"""Webhooks of the calls that we place and of the people we ring: each reads the form and makes one domain call."""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from calls import database
from calls.domain import transfer
from calls.domain.decisions import HangUp
from calls.twilio import addresses, webhook
from calls.views.answers import to_whisper
from calls.views.guard import from_twilio, never_silent

logger = logging.getLogger(__name__)


@from_twilio("Twilio asks here what to tell a person before a caller is connected.")
@never_silent("whisper", instead=HangUp())
async def whisper(request: HttpRequest, form: QueryDict) -> HttpResponse:
    """First without digits, then with the key that was pressed. The query names the caller's call."""
    told = webhook.pressed(form)
    call_sid = request.GET.get("call", "")[: webhook.MAX_SID]
    answer = await database.run(transfer.announce, call_sid=call_sid, digits=told.digits, now=timezone.now())
    logger.info("person was rung", extra={"call_sid": call_sid, "answer": type(answer).__name__})
    return to_whisper(answer, again=addresses.webhook_url(settings.PUBLIC_BASE_URL, "whisper", call=call_sid))
