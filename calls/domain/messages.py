"""Messages that callers leave for the business."""

from datetime import datetime

from django.db import transaction

from calls.domain import allowances
from calls.domain.allowances import Allowance
from calls.models import Business, Call, Message

ALLOWANCE = Allowance(a_call=5, a_day=15)
VOICEMAIL = "Voicemail: the sound is on the page of the call."


class TooManyMessages(Exception):
    """More than one caller needs to say; the text says what to do."""


@transaction.atomic
def take_message(*, call_id: int, text: str, caller_name: str, number: str, now: datetime) -> Message:
    """Keep a message of a call. The same words twice in one call are one message. Raises TooManyMessages."""
    call = Call.objects.get(pk=call_id)
    if call.business_id is not None:  # one after the other, so that the limits are exact
        Business.objects.select_for_update(no_key=True).get(pk=call.business_id)
    if not Message.objects.filter(call=call, text=text).exists():
        _look_at_the_limits(call, now)
    message, _ = Message.objects.get_or_create(
        call=call,
        text=text,
        defaults={
            "business_id": call.business_id,
            "caller_name": caller_name,
            "number": number or call.other_number,
            "taken_at": now,
        },
    )
    Call.objects.filter(pk=call_id, outcome=Call.Outcome.NONE).update(outcome=Call.Outcome.MESSAGE)
    return message


def _look_at_the_limits(call: Call, now: datetime) -> None:
    taken = Message.objects.filter(business=call.business_id).exclude(text=VOICEMAIL)
    if allowances.is_used_up_by_call(rows=taken, call=call, allowance=ALLOWANCE):
        raise TooManyMessages(
            "Enough messages of this call have been written down. Say that somebody will read them and ring back."
        )
    if allowances.is_used_up_by_number(rows=taken, at="taken_at", call=call, allowance=ALLOWANCE, now=now):
        raise TooManyMessages(
            "Many messages of this number have been written down today. Say that somebody will read them and ring back."
        )


def keep_voicemail(*, call: Call, now: datetime) -> None:
    """A voicemail waits among the messages, until somebody has listened to it; told of it again, it waits once."""
    if call.business_id is not None:
        fields = {"business_id": call.business_id, "number": call.other_number, "taken_at": now}
        Message.objects.get_or_create(call=call, text=VOICEMAIL, defaults=fields)
