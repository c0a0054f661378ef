"""Messages that callers leave for the business."""

from datetime import datetime

from calls.models import Call, Message

VOICEMAIL = "Voicemail: the sound is on the page of the call."


def take_message(*, call_id: int, text: str, caller_name: str, number: str, now: datetime) -> Message:
    """Keep a message of a call. The same words twice in one call are one message."""
    call = Call.objects.get(pk=call_id)
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


def keep_voicemail(*, call: Call, now: datetime) -> None:
    """A voicemail waits among the messages, until somebody has listened to it; told of it again, it waits once."""
    if call.business_id is not None:
        fields = {"business_id": call.business_id, "number": call.other_number, "taken_at": now}
        Message.objects.get_or_create(call=call, text=VOICEMAIL, defaults=fields)
