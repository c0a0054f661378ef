"""What a call left behind: each thing with its state and, for who may open it, its page."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from calls.admin import bookings, display, letters, reaching
from calls.domain import answers
from calls.domain.money import written_range
from calls.models import Call, Emergency


@dataclass(frozen=True, slots=True)
class Left:
    kind: str
    text: str
    beside: str
    state: str
    tone: str
    url: str


def left_by(call: Call, request: HttpRequest) -> list[Left]:
    """Emergencies first, then what was agreed, what is owed, and what was sent; one query each."""
    whole = display.sees_whole_numbers(request)

    def thing(kind: str, row: Any, text: str, beside: Any, state: str, tone: str) -> Left:
        model = row._meta.model_name
        may_open = request.user.has_perm(f"calls.view_{model}")
        url = reverse(f"admin:calls_{model}_change", args=[row.pk]) if may_open else ""
        words = (str(display.masked(str(value), whole=whole)) for value in (text, beside))
        return Left(kind, *words, state, tone, url)

    def stated(kind: str, row: Any, text: str, beside: Any, tones: dict[str, str]) -> Left:
        return thing(kind, row, text, beside, row.get_status_display(), tones[row.status])

    return [
        *(stated("Emergency", row, *_emergency(row), reaching.EMERGENCY_TONES) for row in _emergencies(call)),
        *(
            stated("Booking", row, f"{row.service}", _when(row), bookings.TONES)
            for row in call.bookings.select_related("service")
        ),
        *(
            thing("Quote", row, f"{row.service}", row.reference, _total(row, call), "calm")
            for row in call.quotes.select_related("service")
        ),
        *(
            stated("Callback", row, row.reason, display.show_day_and_time(row.due_at), reaching.CALLBACK_TONES)
            for row in call.callbacks.all()
        ),
        *(
            thing(
                "Question", row, row.question, row.answer, *(("Open", "warm") if row.is_open else ("Answered", "good"))
            )
            for row in answers.asked(call=call)
        ),
        *(stated("E-mail", row, row.subject, row.to, letters.STATE_TONES) for row in call.outgoingemails.all()),
        *(
            stated("Text message", row, row.body, row.purpose, letters.STATE_TONES)
            for row in call.outgoingmessages.all()
        ),
    ]


def _emergencies(call: Call) -> Any:
    return Emergency.objects.filter(call=call).select_related("accepted_by")


def _emergency(row: Emergency) -> tuple[str, str]:
    return reaching.in_words(row.kind), row.accepted_by.name if row.accepted_by else row.address


def _when(booking: Any) -> str:
    return f"{display.show_day_and_time(booking.starts_at)}, {booking.reference}"


def _total(quote: Any, call: Call) -> str:
    return written_range(quote.total, quote.total_to, call.business.currency if call.business else "")
