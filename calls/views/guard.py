"""What stands around every webhook: is it Twilio, and does the caller hear something whatever goes wrong inside."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from calls import database
from calls.domain import lifecycle
from calls.domain.apology import Apology
from calls.domain.decisions import Decision
from calls.standby import standby
from calls.twilio import addresses, webhook
from calls.twilio.signature import SETTINGS, SIGNATURE, Verifier
from calls.views import unrecorded
from calls.views.answers import to_twiml

logger = logging.getLogger(__name__)

# Twilio waits 15 s, a caller does not: the ring goes on while a webhook is pending. Whatever the database does, the
# answer leaves within 1.5 s: what a failure leaves of this time is for its records, the rest is for the way.
TIME_LIMIT_SECONDS = 1.3

GuardedView = Callable[[HttpRequest, QueryDict], Awaitable[HttpResponse]]
View = Callable[[HttpRequest], Awaitable[HttpResponse]]

_apology = Apology()


def from_twilio(purpose: str) -> Callable[[GuardedView], View]:
    """Let in what Twilio signed, by POST or GET; explain the address (`purpose`) to a person's browser.

    Twilio uses no other method, so whoever does is told which are taken (405), and hears no TwiML.
    """

    def decorate(view: GuardedView) -> View:
        @csrf_exempt
        @functools.wraps(view)
        async def guarded(request: HttpRequest) -> HttpResponse:
            if request.method not in {"POST", "GET", "HEAD"}:
                return plain(
                    "This address takes POST requests from Twilio.",
                    HTTPStatus.METHOD_NOT_ALLOWED,
                    {"Allow": "POST, GET"},
                )
            form = request.POST if request.method == "POST" else request.GET
            if request.method != "POST" and not is_webhook(request, form):
                return _explain(request, purpose)
            if not is_genuine(request, form):
                return _refuse()
            return await view(request, form)

        return guarded

    return decorate


def never_silent(address: str, *, instead: Decision | None = None) -> Callable[[GuardedView], GuardedView]:
    """The bulkhead of the voice views: any exception, and any delay, becomes an apology with a way to a person.

    With `instead`, that is the answer to everything that goes wrong: who is on this line is no caller.
    """

    def decorate(view: GuardedView) -> GuardedView:
        @functools.wraps(view)
        async def guarded(request: HttpRequest, form: QueryDict) -> HttpResponse:
            deadline = asyncio.get_running_loop().time() + TIME_LIMIT_SECONDS
            came, because = timezone.now(), ""
            try:
                async with asyncio.timeout_at(deadline):
                    return await view(request, form)
            except webhook.Malformed as error:
                logger.warning("webhook without a call", extra={"webhook": address, "error": str(error)})
            except TimeoutError:
                because = "TimeoutError"
                logger.error("webhook took too long", extra=_fields(address, form))
            except Exception as error:
                because = type(error).__name__
                logger.exception("webhook failed", extra=_fields(address, form))
                if decision := instead or await _decide_with_records(address, form, deadline):
                    return to_twiml(decision)
            decision = instead or _decide_without_records(address, form)
            if because and not instead:
                _remember(address, form, decision, because, came)
            return to_twiml(decision)

        return guarded

    return decorate


def never_failing(address: str) -> Callable[[GuardedView], GuardedView]:
    """The bulkhead of the status callbacks: Twilio sends each once, and reads nothing in the answer."""

    def decorate(view: GuardedView) -> GuardedView:
        @functools.wraps(view)
        async def guarded(request: HttpRequest, form: QueryDict) -> HttpResponse:
            try:
                return await view(request, form)
            except Exception:
                logger.exception("status callback failed", extra=_fields(address, form))
                return no_content()

        return guarded

    return decorate


def is_webhook(request: HttpRequest, form: QueryDict) -> bool:
    """Whether this means to be a webhook, and is no person's browser and no scanner."""
    return SIGNATURE in request.headers or (settings.TWILIO_SIGNATURE != "enforce" and "CallSid" in form)


def is_genuine(request: HttpRequest, form: QueryDict) -> bool:
    """Whether Twilio sent this; what it did not is logged by the address that was checked, without its parameters."""
    if settings.TWILIO_SIGNATURE == "off":
        return True
    query = request.META.get("QUERY_STRING", "")
    url = addresses.request_url(settings.PUBLIC_BASE_URL, request.path, query)
    verifier = Verifier(settings.TWILIO_AUTH_TOKENS, settings.TWILIO_SHARED_KEYS)
    if verifier.accepts([url], request.POST, request.headers):
        return True
    signed_over = addresses.request_url(settings.PUBLIC_BASE_URL, request.path, "…" if query else "")
    logger.warning("Twilio's signature does not match", extra={"signed_over": signed_over, **_what_to_check(request)})
    return settings.TWILIO_SIGNATURE == "log"


def _what_to_check(request: HttpRequest) -> dict[str, str]:
    if SIGNATURE not in request.headers:
        return {"remedy": "the request carries no signature"}
    if SETTINGS in request.headers:
        return {"remedy": "put the shared key that the request names, and its secret, in TWILIO_SHARED_KEYS"}
    if not settings.TWILIO_AUTH_TOKENS:
        return {"remedy": "set TWILIO_AUTH_TOKEN"}
    return {
        "remedy": "PUBLIC_BASE_URL is the address in Twilio's console, TWILIO_AUTH_TOKEN the account's primary token"
    }


async def _decide_with_records(address: str, form: QueryDict, deadline: float) -> Decision | None:
    """The way of the fallback address, if the database can still be asked; `deadline` on the clock of the loop."""
    try:
        async with asyncio.timeout_at(deadline):
            return await database.run(
                lifecycle.fall_back,
                leg=webhook.incoming_call(form),
                error_code="",
                failed_address=address,
                default_number=settings.HANDOVER_NUMBER,
                now=timezone.now(),
            )
    except Exception as error:
        logger.error("no records for the apology", extra={**_fields(address, form), "error": type(error).__name__})
        return None


def _decide_without_records(address: str, form: QueryDict) -> Decision:
    return _apology.decide(
        failed_address=address,
        call_sid=form.get("CallSid", ""),
        from_number=form.get("From", ""),
        to_number=form.get("To", ""),
        forwarded_from=form.get("ForwardedFrom", ""),
        is_outbound=form.get("Direction", "").startswith("outbound"),
        is_over=form.get("CallStatus") == "completed" or webhook.dial_outcome(form).has_spoken,
        snapshot=standby.snapshot,
        default_number=settings.HANDOVER_NUMBER,
        now=timezone.now(),
    )


def _remember(address: str, form: QueryDict, decision: Decision, because: str, came: datetime) -> None:
    with suppress(webhook.Malformed):
        leg, answer = webhook.incoming_call(form), type(decision).__name__
        unrecorded.remember(leg=leg, webhook=address, answer=answer, because=because, at=came)


def _fields(address: str, form: QueryDict) -> dict[str, str]:
    return {"webhook": address, **call_of(form)}


def call_of(form: QueryDict) -> dict[str, str]:
    """The call that a form names, as a field for the log."""
    return {"call_sid": form.get("CallSid", "")[: webhook.MAX_SID]}


def _explain(request: HttpRequest, purpose: str) -> HttpResponse:
    voice_url = addresses.webhook_url(settings.PUBLIC_BASE_URL, "voice")
    context = {"purpose": purpose, "address": request.path, "voice_url": voice_url}
    return render(request, "calls/webhook.html", context)


def _refuse() -> HttpResponse:
    return plain(
        "Twilio's signature does not match; the log names the address it was checked for.", HTTPStatus.FORBIDDEN
    )


def no_content() -> HttpResponse:
    """The answer to a status callback: without words, and so without a type of words."""
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    del response["Content-Type"]
    return response


def plain(text: str, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """One line for whoever is not Twilio. Django does not log it: its line would show the query with its numbers."""
    response = HttpResponse(text + "\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)
    response._has_been_logged = True
    return response
