"""A caller who wants a person: the wish, what the person is told before the two are connected, and the yes.

A voicemail that picks up hears the announcement and presses nothing. So the person counts as reached only when our own
record says that 1 was pressed, whatever Twilio makes of the dial.
"""

from datetime import datetime

from calls.domain import outside
from calls.domain.decisions import Announce, Connect, HangUp, Whisper
from calls.domain.handover import dialable, person_to_dial
from calls.models import Call, Emergency

ACCEPT = "1"
LONGEST_REASON = 200


class NobodyToDial(Exception):
    """No telephone of a person is known."""


def ask_for_person(*, call_id: int, reason: str, now: datetime) -> None:
    """Write why the caller wants a person. The dial itself follows when the goodbye has been heard."""
    call = Call.objects.select_related("business").get(pk=call_id)
    if not person_for(call=call, default_number=outside.default_number()):
        raise NobodyToDial
    call.transfer_reason = " ".join(reason.split())[:LONGEST_REASON]
    call.save(update_fields=["transfer_reason"])


def person_for(*, call: Call, default_number: str) -> str:
    """Whose telephone rings for this caller: whoever has taken the caller's emergency, else the business's person."""
    emergency = Emergency.objects.filter(call=call, accepted_by__isnull=False).select_related("accepted_by").first()
    if emergency and (number := dialable(emergency.accepted_by.number)) and number != call.from_number:
        return number
    return person_to_dial(business=call.business, default_number=default_number, called=call.to_number)


def announce(*, call_sid: str, digits: str, now: datetime) -> Whisper:
    """What the person hears who was dialed for a caller, first and after a key."""
    call = Call.objects.select_related("business").filter(call_sid=call_sid).first()
    if call is None or (digits and digits != ACCEPT):
        return HangUp()
    if not digits:
        return Announce(words=_announcement(call))
    Call.objects.filter(pk=call.pk, handover_accepted_at=None).update(handover_accepted_at=now)
    return Connect(words="Connecting you now.")


def _announcement(call: Call) -> str:
    business = f" for {call.business.name}" if call.business else ""
    about = f" about {call.transfer_reason.rstrip('.')}" if call.transfer_reason else ""
    return f"A caller{business}{about}. Press 1 to accept."
