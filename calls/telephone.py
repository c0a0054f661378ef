"""Our telephone: Twilio's REST client, built from the settings, told which of our addresses to ask about each row.

What Twilio answers becomes what the domain understands. Without credentials nothing is placed, and that is an answer.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.db import connections
from django.template.loader import render_to_string
from django.utils import timezone

from calls.domain import escalation
from calls.domain.outbox import NotSent
from calls.domain.outside import NotPlaced, PlacedCall, Unclear
from calls.models import OutgoingMessage, PhoneLine
from calls.twilio import addresses, rest

CALLBACK_RING_SECONDS = 30
ALERT_RING_SECONDS = 30
# To an unknown, forbidden, blocked or unreachable number: asking again is asking for the same answer.
PERMANENT = {21210, 21211, 21214, 21215, 21216, 21217, 21219, 21401, 21601, 21606, 21608, 21610, 21612, 21614}

logger = logging.getLogger(__name__)
_at_once = ThreadPoolExecutor(4, thread_name_prefix="at-once")


class TwilioTelephone:
    """Rings people through Twilio."""

    def __init__(self, client: rest.Client, public_base_url: str) -> None:
        self._client = client
        self._base = public_base_url

    def ring_callback(self, *, attempt_id: int, number: str, shown: str) -> str:
        with _told():
            return self._client.place_call(
                to=number,
                shown=shown,
                url=addresses.webhook_url(self._base, "callback", attempt=attempt_id),
                status_url=addresses.webhook_url(self._base, "callback-status", attempt=attempt_id),
                fallback_url=addresses.webhook_url(self._base, "fallback"),
                machine_url=addresses.webhook_url(self._base, "amd", attempt=attempt_id),
                ring_seconds=CALLBACK_RING_SECONDS,
            )

    def ring_alert(self, *, alert_id: int, number: str, shown: str) -> str:
        with _told():
            return self._client.place_call(
                to=number,
                shown=shown,
                url=addresses.webhook_url(self._base, "whisper", alert=alert_id),
                status_url=addresses.webhook_url(self._base, "alert-status", alert=alert_id),
                ring_seconds=ALERT_RING_SECONDS,
            )

    def calls_to(self, *, number: str, shown: str) -> list[PlacedCall]:
        with _told():
            return list(self._client.calls_to(to=number, shown=shown))

    def status_of(self, *, call_sid: str) -> str:
        with _told():
            return self._client.fetch_call(call_sid).status

    def look_up(self, *, call_sid: str) -> PlacedCall:
        with _told():
            return self._client.fetch_call(call_sid)

    def speak_instead(self, *, call_sid: str, words: str) -> bool:
        """Say this, or nothing, to whatever has picked up, and hang up; False when that could not be done."""
        document = render_to_string(f"twiml/{'say_and_hang_up' if words else 'hang_up'}.xml", {"words": words})
        try:
            self._client.redirect_call(call_sid, twiml=document)
        except rest.Failed as failure:
            logger.warning("call was not led to its message", extra={"call_sid": call_sid, "error": str(failure)})
            return False
        return True

    def end_ring(self, *, call_sid: str, words: str) -> bool:
        try:
            if self._client.fetch_call(call_sid).status == "in-progress":
                return self.speak_instead(call_sid=call_sid, words=words)
            self._client.end_call(call_sid)
        except rest.Over:
            return True  # nothing rings any more
        except rest.Failed as failure:
            logger.warning("ring was not ended", extra={"call_sid": call_sid, "error": str(failure)})
            return False
        return True


class NoTelephone:
    """There are no credentials of Twilio's: nothing can be placed, and whoever is asked says so."""

    def ring_callback(self, *, attempt_id: int, number: str, shown: str) -> str:
        raise NotPlaced("no_credentials")

    def ring_alert(self, *, alert_id: int, number: str, shown: str) -> str:
        raise NotPlaced("no_credentials", is_permanent=True)  # nobody shall wait for a ring that cannot come

    def calls_to(self, *, number: str, shown: str) -> list[PlacedCall]:
        raise Unclear("no credentials")

    def status_of(self, *, call_sid: str) -> str:
        raise Unclear("no credentials")

    def look_up(self, *, call_sid: str) -> PlacedCall:
        raise Unclear("no credentials")

    def speak_instead(self, *, call_sid: str, words: str) -> bool:
        return False

    def end_ring(self, *, call_sid: str, words: str) -> bool:
        return False


def is_equipped() -> bool:
    return bool(settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKENS)


def telephone() -> TwilioTelephone | NoTelephone:
    """The telephone of this process, as the settings say now."""
    return TwilioTelephone(_settled_client(), settings.PUBLIC_BASE_URL) if is_equipped() else NoTelephone()


def default_number() -> str:
    return settings.HANDOVER_NUMBER


def send_message(message: OutgoingMessage) -> str:
    """Send a text message of the outbox; its MessageSid. Raises NotSent.

    In development, without credentials, it becomes a file beside the e-mails, and the name of the file is its Sid.
    """
    if not is_equipped() and settings.DEBUG:
        return _write_down(message)
    if not is_equipped():
        raise NotSent("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set.")
    try:
        return _settled_client().send_message(
            to=message.to,
            sender=_sender(message),
            body=message.body,
            status_url=addresses.webhook_url(settings.PUBLIC_BASE_URL, "message-status", message=message.pk),
        )
    except rest.Failed as failure:
        raise NotSent(str(failure), permanent=failure.code in PERMANENT, code=str(failure.code or "")) from None


def _write_down(message: OutgoingMessage) -> str:
    path = settings.DATA_DIR / "outbox" / f"{message.purpose}-{message.pk}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"To: {message.to}\n\n{message.body}\n")
    return path.name


def find_message(message: OutgoingMessage) -> str | None:
    """The MessageSid of a message whose sending was cut off, if it has left. Raises NotSent while nobody can tell."""
    if not is_equipped():
        raise NotSent("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not set.")
    try:
        return _settled_client().find_message(
            to=message.to, sender=_sender(message), body=message.body, since=message.written_at
        )
    except rest.Failed as failure:
        raise NotSent(str(failure), code=str(failure.code or "")) from None


def escalate_at_once(emergency_id: int) -> None:
    """Ring the next person for an emergency in a thread of this process; the worker repeats what fails here."""
    _at_once.submit(_escalate, emergency_id).add_done_callback(_say_what_broke)


def stop_ringing_at_once(emergency_id: int) -> None:
    """End what still rings for an emergency that is taken, in a thread of this process."""
    _at_once.submit(_stop_ringing, emergency_id).add_done_callback(_say_what_rings_on)


def _escalate(emergency_id: int) -> None:
    try:
        alert = escalation.escalate(emergency_id=emergency_id, telephone=telephone(), now=timezone.now())
        if alert is None:
            logger.info("nobody is due to be rung", extra={"emergency": emergency_id})
        else:
            logger.info("person is rung for an emergency", extra={"emergency": emergency_id, "alert": alert.pk})
    finally:
        connections.close_all()


def _say_what_broke(done: "Future[None]") -> None:
    if error := done.exception():
        logger.error("an emergency could not be escalated at once; the worker will", exc_info=error)


def _stop_ringing(emergency_id: int) -> None:
    try:
        ended = escalation.stop_ringing(emergency_id=emergency_id, telephone=telephone())
        logger.info("nobody has to be rung any more", extra={"emergency": emergency_id, "rings_ended": ended})
    finally:
        connections.close_all()


def _say_what_rings_on(done: "Future[None]") -> None:
    if error := done.exception():
        logger.error("telephones ring on for an emergency that is taken", exc_info=error)


def _sender(message: OutgoingMessage) -> str:
    line = message.call.line if message.call else None
    line = line or PhoneLine.objects.filter(business=message.business_id).order_by("pk").first()
    if line is None:
        raise NotSent("The business has no telephone line to send from.", permanent=True)
    return line.number


def _settled_client() -> rest.Client:
    return _client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKENS[0], settings.TWILIO_API_BASE_URL)


@cache
def _client(account_sid: str, auth_token: str, base_url: str) -> rest.Client:
    return rest.Client(account_sid=account_sid, auth_token=auth_token, base_url=base_url)


@contextmanager
def _told() -> Iterator[None]:
    """What Twilio did not do, in the words of the domain."""
    try:
        yield
    except rest.NotSent as failure:
        raise NotPlaced("not_sent", str(failure)) from None
    except rest.TooMany as failure:
        raise NotPlaced("too_many", str(failure)) from None
    except rest.Refused as failure:
        raise NotPlaced(str(failure.code), str(failure), is_permanent=failure.code in PERMANENT) from None
    except rest.Unclear as failure:
        raise Unclear(str(failure)) from None
