"""The road that a call takes, walked from the outside over PUBLIC_BASE_URL: webhook, TwiML, upgrade."""

import time

from calls.doctor import causes, testimony, upgrading
from calls.doctor.caller import TestCall
from calls.doctor.document import Document, Unfit, check_stream_url, looks_like_html, read
from calls.doctor.exchange import Answer, Unreachable
from calls.doctor.findings import FAIL, OK, WARN, Finding, saying
from calls.doctor.visit import Visit, instance_at, is_ours, is_web_address
from calls.twilio import addresses

_APOLOGY = "The caller hears Twilio's apology and is cut off."
SLOW_MS = 5000


async def webhook(visit: Visit) -> list[Finding]:
    """A signed POST to /twilio/voice has to be answered with TwiML whose stream leads back to us."""
    said = saying("webhook", "Webhook over the public address")
    base = visit.site.public_base_url
    if not is_web_address(base):
        return [said(FAIL, f"{base} is no web address", _APOLOGY, "Set PUBLIC_BASE_URL=https://your.host in .env.")]
    visit.call = TestCall(visit.site, to=visit.line_number)
    url = addresses.webhook_url(base, "voice")
    began = time.monotonic()
    try:
        answer = await visit.call.ring()
    except Unreachable as error:
        seen, remedy = causes.of_silence(error, url)
        return [said(FAIL, seen, _APOLOGY, remedy)]
    took_ms = round((time.monotonic() - began) * 1000)
    if answer.status != 200 or looks_like_html(answer):
        seen, remedy = causes.of_answer(answer, url, is_ours=await is_ours(base))
        return [said(FAIL, seen, _APOLOGY, remedy)]
    try:
        document = _fit(answer, base)
    except Unfit as error:
        return [said(FAIL, f"{url}: {error}", _APOLOGY, error.remedy)]
    visit.document = document
    return [await _judged(visit, document, took_ms, answer.took)]


def _fit(answer: Answer, base: str) -> Document:
    document = read(answer)
    if document.stream_url:
        check_stream_url(document.stream_url, base)
    return document


async def _judged(visit: Visit, document: Document, took_ms: int, stretches: str) -> Finding:
    said = saying("webhook", "Webhook over the public address")
    good = f"valid TwiML in {took_ms} ms ({stretches})"
    if not document.stream_url:
        return await _without_stream(visit, document, good)
    if not document.has_action:
        means = "When the stream ends, the call is cut off instead of reaching a person."
        return said(FAIL, f"{good}, but <Connect> has no action", means, Unfit.remedy)
    if took_ms > SLOW_MS:
        means = "The caller hears nothing that long; after 15 s Twilio gives up."
        return said(WARN, good, means, "Look at the load of the server and of its database.")
    other = await _other_instance(visit)
    if other:
        means = "Calls are answered by a process whose log and settings are not the ones looked at here."
        remedy = f"Point the tunnel or proxy at port {visit.site.port}, or run the doctor where the calls arrive."
        return said(WARN, f"{good}, but from another process than the one on port {visit.site.port}", means, remedy)
    return said(OK, f"{good}, stream {document.stream_url}")


async def _without_stream(visit: Visit, document: Document, good: str) -> Finding:
    said = saying("webhook", "Webhook over the public address")
    verbs = ", ".join(document.verbs) or "nothing"
    if not visit.site.openai_key:
        return said(OK, f"{good}; without an OpenAI key the caller is handed over at once ({verbs})")
    means = "No agent answers: the caller is handed over at once."
    if visit.call and (cause := await testimony.of_call(visit.call.call_sid)):
        return said(FAIL, f"{good}, but without a stream ({verbs}): {cause.seen}", means, cause.remedy)
    remedy = (
        "Restart the server, so that it has the same settings as this diagnosis; "
        f"the reason stands on the page of call {visit.call.call_sid if visit.call else ''} in the admin."
    )
    return said(FAIL, f"{good}, but without a stream ({verbs})", means, remedy)


async def _other_instance(visit: Visit) -> bool:
    if not visit.local_instance:
        return False
    try:
        found = await instance_at(visit.site.public_base_url, seconds=2)
    except Unreachable:
        return False
    return bool(found) and found != visit.local_instance


async def upgrade(visit: Visit) -> list[Finding]:
    """The stream's socket has to open as Twilio opens it, and when a subprotocol is offered as well."""
    said = saying("upgrade", "WebSocket upgrade over the public address")
    url = addresses.stream_url(visit.site.public_base_url)
    means = "The caller hears silence, then the call goes on to a person or ends (Twilio's error 31920)."
    began = time.monotonic()
    failed = await upgrading.failure(visit, url)
    took_ms = round((time.monotonic() - began) * 1000)
    if failed:
        seen, remedy = await upgrading.why(visit, url, failed)
        return [said(FAIL, seen, means, remedy)]
    failed = await upgrading.failure(visit, url, subprotocol=upgrading.SUBPROTOCOL)
    if failed:
        seen, remedy = await upgrading.why(visit, url, failed, was_offered=True)
        seen = f"opens as Twilio does it, but not with {upgrading.SUBPROTOCOL} offered. {seen}"
        return [said(WARN, seen, "Emulators and other carriers that offer it fail.", remedy)]
    return [said(OK, f"open in {took_ms} ms, and with {upgrading.SUBPROTOCOL} offered")]
