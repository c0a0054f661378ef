"""What became of a text message after it left: Twilio tells it later, and some of it a person has to know."""

from django.db.models import OuterRef, QuerySet, Subquery

from calls.models import Customer, OutgoingMessage, Technician

STOPPED, UNREGISTERED = "21610", "30034"
DELIVERED, _UNDELIVERED = "delivered", {"undelivered", "failed"}
_WHY = {
    STOPPED: "The recipient has written STOP: no text message reaches that number any more.",
    UNREGISTERED: "US carriers block the number: register it for A2P 10DLC in Twilio's console.",
    "30003": "The telephone could not be reached.",
    "30005": "The number does not exist.",
    "30006": "A land line cannot receive text messages.",
    "30007": "The carrier has filtered the message out.",
    "30032": "The toll-free number is not verified: verify it in Twilio's console.",
}


def note_delivery(*, message_id: int | None, message_sid: str, status: str, error_code: str) -> bool:
    """Keep what Twilio says of a message, in any order. Whether the message is known.

    `message_id` is our own row: what is told before the answer that names the MessageSid is not lost. Of a message
    that was sent again the older sending counts no more.
    """
    known = OutgoingMessage.objects.filter(message_sid=message_sid).first()
    message = known or OutgoingMessage.objects.filter(pk=message_id, message_sid="").first()
    if message is None:
        return False
    if status in _UNDELIVERED:
        note_failure(message=message, error_code=error_code)
    if status == DELIVERED:
        _mark(message, refuses_sms=False)
    return True


def note_failure(*, message: OutgoingMessage, error_code: str) -> None:
    """A message that did not arrive is a failure that a person sees; one that was stopped marks the customer."""
    OutgoingMessage.objects.filter(pk=message.pk).update(
        status=OutgoingMessage.Status.FAILED,
        error_code=error_code[:10],
        error=_WHY.get(error_code, f"Twilio did not deliver it (error {error_code or 'unknown'})."),
    )
    if error_code == STOPPED:
        _mark(message, refuses_sms=True)


def with_last_text_error(people: QuerySet[Technician]) -> QuerySet[Technician]:
    """Technicians with `last_text_error`: the code with which the newest text message to them failed, blank if it did
    not, None if none was ever written."""
    newest = OutgoingMessage.objects.filter(business=OuterRef("business"), to=OuterRef("number"))
    return people.annotate(last_text_error=Subquery(newest.order_by("-written_at", "-pk").values("error_code")[:1]))


def _mark(message: OutgoingMessage, *, refuses_sms: bool) -> None:
    """Whoever has written STOP may write START later: what is delivered tells it."""
    Customer.objects.filter(business=message.business_id, number=message.to).update(refuses_sms=refuses_sms)
