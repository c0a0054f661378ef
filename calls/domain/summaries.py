"""What a call came to: the outcome by the rows that it left, a few sentences about it, and what is to be done next."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from calls.domain import answers, booking_fates, failed_tools, late_tools, owner_letters, review
from calls.domain.messages import VOICEMAIL
from calls.models import Call, Callback, Emergency, Turn

PROMPT = """\
Write a note on this telephone call for the owner of the business, as JSON and nothing else:
{"summary": "two sentences at most: who called, what they want, what was agreed"}
Only what was said. No prices, dates or promises that a tool has not confirmed."""

LONGEST_SUMMARY, LONGEST_REASON = 600, 200
Outcome, Reason = Call.Outcome, Call.EndReason
REACHED_A_PERSON = {"completed", "answered"}  # what Twilio says of a dial at whose end somebody was there

NOBODY_ANSWERED = "Call back: nobody could take the call."
LISTEN = "Listen to the voicemail, and call back."
CUT_OFF = "Call back: our server ended in the middle of the call."
CUT_OFF_REASON = "Our server ended in the middle of the call."


_FATES = {booking_fates.MADE: "Booked", booking_fates.MOVED: "Moved", booking_fates.CANCELLED: "Cancelled"}


@dataclass(frozen=True, slots=True)
class Conclusion:
    outcome: str
    summary: str
    next_action: str
    review_reason: str

    @property
    def needs_a_person(self) -> bool:
        return bool(self.next_action or self.review_reason)


@transaction.atomic
def conclude_call(*, call_id: int, model_text: str, now: datetime) -> Conclusion:
    """Write down what a call came to; to be called when nothing more is added to it, and harmless a second time.

    `model_text` is what the model wrote about the call, "" if it did not. It tells the story; outcome and next action
    come from the rows alone.
    """
    call = _locked(call_id)
    claims = review.unbacked_claims(call=call)
    late_reason, _ = late_tools.untold(call=call)
    failed_reason, _ = failed_tools.unmended(call=call)
    spoken_of = f"The agent spoke of {' and '.join(claims)}, but there is none." if claims else ""
    conclusion = Conclusion(
        outcome=_outcome(call),
        summary=_told_by_model(model_text) or _told_by_rows(call),
        next_action=_next_action(call),
        review_reason=" ".join(filter(None, [_why_cut_off(call), late_reason, failed_reason, spoken_of]))[
            :LONGEST_REASON
        ],
    )
    call.outcome, call.summary, call.next_action = conclusion.outcome, conclusion.summary, conclusion.next_action
    call.needs_review, call.review_reason = bool(conclusion.review_reason), conclusion.review_reason
    call.save(update_fields=["outcome", "summary", "next_action", "needs_review", "review_reason"])
    if conclusion.needs_a_person:
        _tell_owner(call, now=now)
    return conclusion


@transaction.atomic
def conclude_again(*, call_id: int, now: datetime) -> None:
    """Put right what a call came to, when more was settled than its agent knew: whether a person took it over, whether
    a voicemail was left, who has accepted the emergency. Harmless at any time and in any order with `conclude_call`.
    """
    call = _locked(call_id)
    call.outcome, call.next_action = _outcome(call), _next_action(call)
    others = call.review_reason.removeprefix(CUT_OFF_REASON).strip()
    review_reason = " ".join(filter(None, [_why_cut_off(call), others]))[:LONGEST_REASON]
    if review_reason != call.review_reason:  # else it stands as a person has left it
        call.review_reason, call.needs_review = review_reason, bool(review_reason)
    call.save(update_fields=["outcome", "next_action", "needs_review", "review_reason"])
    is_agent_done = bool(call.summary) or call.streaming_at is None  # else the summary is on its way, with the letter
    if call.next_action and is_agent_done:
        _tell_owner(call, now=now)


def _locked(call_id: int) -> Call:
    rows = Call.objects.select_for_update(of=("self",), no_key=True).select_related("business", "emergency")
    return rows.get(pk=call_id)


def _outcome(call: Call) -> str:
    rows = [
        (hasattr(call, "emergency"), Outcome.EMERGENCY),
        (any(fate.stands for fate in booking_fates.fates(call=call)), Outcome.BOOKED),
        (call.quotes.exists(), Outcome.QUOTED),
        (call.callbacks.exists(), Outcome.CALLBACK),
        (_is_with_a_person(call), Outcome.TRANSFERRED),
        (call.messages.exists(), Outcome.MESSAGE),
        (call.end_reason == Reason.MACHINE, Outcome.NONE),  # what it said is no caller's word
        (call.turns.filter(role=Turn.Role.CALLER).exclude(text="").exists(), Outcome.ANSWERED),
        (call.end_reason == Reason.CALLER_HANGUP, Outcome.HUNG_UP),
    ]
    return next((outcome for is_there, outcome in rows if is_there), Outcome.NONE)


def _is_with_a_person(call: Call) -> bool:
    """Somebody took the caller over; while their telephone still rings, that is what is hoped for."""
    if call.handover_result:
        return call.handover_result in REACHED_A_PERSON
    return call.end_reason == Reason.TRANSFERRED


def _told_by_model(text: str) -> str:
    start, end = text.find("{"), text.rfind("}")
    try:
        note = json.loads(text[start : end + 1])
    except ValueError:
        return ""
    summary = note.get("summary") if isinstance(note, dict) else None
    return summary.strip()[:LONGEST_SUMMARY] if isinstance(summary, str) else ""


def _told_by_rows(call: Call) -> str:
    said = call.turns.filter(role=Turn.Role.CALLER).exclude(text="").first()
    parts = [f"The caller began with: “{said.text}”" if said else "The caller said nothing."]
    parts += [f"{_FATES[fate.what]}: {fate.booking.service}." for fate in booking_fates.fates(call=call)]
    parts += [f"Quoted: {quote.service}." for quote in call.quotes.select_related("service")]
    parts += [f"Message from {message.caller_name or 'the caller'}: {message.text}" for message in call.messages.all()]
    parts += [f"Asked to be called back: {callback.reason}" for callback in call.callbacks.all()]
    if hasattr(call, "emergency"):
        parts.append(f"Emergency: {call.emergency.kind}.")
    return " ".join(parts)[:LONGEST_SUMMARY]


def _next_action(call: Call) -> str:
    voicemail = call.messages.filter(text=VOICEMAIL).first()
    if hasattr(call, "emergency") and call.emergency.status in (Emergency.Status.OPEN, Emergency.Status.UNANSWERED):
        return "Ring the caller now: nobody has accepted the emergency."
    if (not voicemail.is_done) if voicemail else (call.next_action == LISTEN):
        return LISTEN
    if message := call.messages.filter(is_done=False).first():
        return f"Answer the message from {message.caller_name or 'the caller'}."
    if call.callbacks.filter(status=Callback.Status.FAILED).exists():
        return "Call back: the caller could not be reached."
    if call.next_action == NOBODY_ANSWERED:
        return NOBODY_ANSWERED
    if _was_cut_off(call):
        return CUT_OFF
    if answers.open_questions(call=call):
        return "Answer the question that the agent could not answer."
    return late_tools.untold(call=call)[1] or failed_tools.unmended(call=call)[1]


def _was_cut_off(call: Call) -> bool:
    """Whether the call is over because of a server, and nobody has spoken to the caller since."""
    is_ours = call.end_reason in (Reason.DRAINING, Reason.SERVER_RESTART) and call.streaming_at is not None
    return is_ours and call.status == Call.Status.ENDED and not call.recording_sid and not _is_with_a_person(call)


def _why_cut_off(call: Call) -> str:
    return CUT_OFF_REASON if _was_cut_off(call) else ""


# What is settled only after the first letter may have left is a letter of its own.
_LATER = {NOBODY_ANSWERED: "-unreached", LISTEN: "-voicemail", CUT_OFF: "-cut-off"}


def _tell_owner(call: Call, *, now: datetime) -> None:
    late = "-late" if late_tools.has_ended_late(call=call) else ""
    owner_letters.tell_owner(call=call, about=_LATER.get(call.next_action, late), now=now)
