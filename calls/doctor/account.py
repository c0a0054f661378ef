"""The account at Twilio: is its key good, do its numbers lead here, whom may it ring, do its texts arrive?"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import DatabaseError
from django.utils import timezone

from calls.doctor import voice_fields
from calls.doctor.aside import aside, in_database
from calls.doctor.findings import FAIL, OK, SKIPPED, WARN, Finding, saying
from calls.doctor.site import Site
from calls.doctor.visit import Visit
from calls.models import PhoneLine, Technician
from calls.twilio import rest

PATIENCE_SECONDS = 8.0
_ONE_ANSWER_SECONDS = 4.0
_OUR_ROWS_SECONDS = 3.0
RECENT = timedelta(days=7)
_CONSOLE = "https://console.twilio.com"
_TITLE = "The Twilio account"
IDS = tuple(f"twilio.{name}" for name in ("trial", "number", "voice", "fallback", "status", "texts"))

TEXT_CAUSES = {
    30034: ("the number is not registered for A2P 10DLC", "Register it: docs/deploy.md, Text messages."),
    30032: ("the toll-free number is not verified", f"Verify it at {_CONSOLE}, Messaging, Toll-free verification."),
    30003: ("the telephone is off or unreachable", "Send it again later, or ring that person."),
    30004: ("the receiver blocks messages", "Ring that person."),
    30005: ("the number does not exist", "Correct the number in the admin."),
    30006: ("a landline, or a carrier that takes no messages", "Correct the number in the admin, or write a letter."),
    30007: ("the carrier takes it for spam", "Leave links and capitals out of the wording; register for A2P 10DLC."),
    30008: ("the carrier does not say why", "Look whether it comes back; then ask Twilio's support."),
    21608: ("on trial only verified numbers get messages", f"Verify the number at {_CONSOLE}, or upgrade the account."),
    21610: ("that person has answered STOP", "Only that person can undo it, by answering START."),
    21614: ("not a mobile number", "Correct the number in the admin."),
}
_ANOTHER_CAUSE = ("see Twilio's list", "Look the code up at https://www.twilio.com/docs/api/errors")


@dataclass(slots=True)
class _Known:
    """What our own rows say of lines, and whom calls of ours are put through to."""

    lines: dict[str, str]
    """Number → the address that its owner has entered for the time while this server is off."""
    reached: set[str]


async def account(visit: Visit) -> list[Finding]:
    """The account at Twilio, asked over REST within PATIENCE_SECONDS; skipped without the keys to ask with."""
    site, said = visit.site, saying("twilio", _TITLE)
    if missing := missing_credentials(site):
        return [said(SKIPPED, f"{missing} is not set: Twilio cannot be asked what its number is set to")]
    client = await aside(partial(client_of, site, seconds=_ONE_ANSWER_SECONDS))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _asked(client, visit)
    except rest.Failed as error:
        return [_unasked(error)]
    except TimeoutError:
        return [_unasked(rest.Unclear(f"no answer within {PATIENCE_SECONDS:g} s"))]
    finally:
        client.close()


async def _asked(client: rest.Client, visit: Visit) -> list[Finding]:
    # Both to their end, whatever one of them says: a thread left behind would go on with a client that is closed.
    state, numbers = await asyncio.gather(aside(client.account), aside(client.numbers), return_exceptions=True)
    if isinstance(state, BaseException):
        raise state
    if isinstance(numbers, BaseException):
        raise numbers
    known = await _known(visit)
    ours = [number for number in numbers if number.number in known.lines]
    texts, trial = await asyncio.gather(_texts(client, [one.number for one in ours]), _trial(client, state, known))
    return [_state(state), trial, *_numbers(ours, known, visit.site.public_base_url), texts]


def missing_credentials(site: Site) -> str:
    """Which setting is missing to ask Twilio with; blank when none is."""
    if not site.twilio_account:
        return "TWILIO_ACCOUNT_SID"
    return "" if site.twilio_tokens else "TWILIO_AUTH_TOKEN"


def client_of(site: Site, *, seconds: float = rest.TIME_LIMIT_SECONDS) -> rest.Client:
    return rest.Client(
        account_sid=site.twilio_account,
        auth_token=site.twilio_tokens[0],
        base_url=site.twilio_api_url,
        seconds=seconds,
    )


def entered_fallback(number: str) -> str | None:
    """What is entered for the line for the time while this server is off; None without a line. Raises DatabaseError."""
    return PhoneLine.objects.filter(number=number).values_list("fallback_url", flat=True).first()


async def _known(visit: Visit) -> _Known:
    unknown = _Known({}, {visit.site.handover_number} - {""})
    if visit.has_silent_database:
        return unknown
    try:
        return await in_database(_rows, visit.site, seconds=_OUR_ROWS_SECONDS)
    except DatabaseError:
        return unknown  # the finding on the database says so


def _rows(site: Site) -> _Known:
    lines = list(PhoneLine.objects.select_related("business"))
    reached = {site.handover_number, *(line.business.handover_number for line in lines)}
    reached |= set(Technician.objects.filter(is_active=True).values_list("number", flat=True))
    return _Known({line.number: line.fallback_url for line in lines}, reached - {""})


def _unasked(error: rest.Failed) -> Finding:
    said = saying("twilio", _TITLE)
    if error.code == rest.NOT_ACTIVE:
        return _state(rest.Account(status="not active", is_trial=False))
    if error.code == rest.BAD_KEY or error.status == 401:
        means = "With a foreign token every call of Twilio's gets 403: the caller hears an apology."
        remedy = f"Copy Account SID and Auth Token from {_CONSOLE} into .env, then restart the server."
        seen = (
            f"Twilio does not know TWILIO_AUTH_TOKEN with this TWILIO_ACCOUNT_SID ({error.status}, code {error.code})"
        )
        return said(FAIL, seen, means, remedy)
    if isinstance(error, rest.NotSent | rest.Unclear):
        means = "Calls come in all the same; callbacks, alerts and text messages cannot leave."
        return said(
            WARN, str(error), means, "Let this machine reach api.twilio.com on port 443, and look at status.twilio.com"
        )
    return said(WARN, str(error), "What the account is set to is not known.", f"Look at {_CONSOLE}")


def _state(state: rest.Account) -> Finding:
    said = saying("twilio", _TITLE)
    if state.status == "active":
        return said(OK, "active, and the token is its own")
    means = "Twilio answers no call and sends nothing."
    return said(FAIL, f"the account is {state.status or 'in no state'}", means, f"Look at {_CONSOLE}, Billing.")


async def _trial(client: rest.Client, state: rest.Account, known: _Known) -> Finding:
    said = saying("twilio.trial", "Limits of a trial account")
    if not state.is_trial:
        return said(OK, "not on trial")
    strangers = known.reached - await aside(client.verified_numbers)
    means = "Callers hear Twilio's announcement first, and only verified numbers can be rung or written to."
    if strangers:
        means += " A hand-over to another one fails."
    seen = f"on trial; of {len(known.reached)} number(s) that calls go on to {len(strangers)} not verified"
    return said(
        WARN, seen, means, f"Upgrade the account at {_CONSOLE}, or verify them: Phone Numbers, Verified Caller IDs."
    )


def _numbers(ours: list[rest.Number], known: _Known, base: str) -> list[Finding]:
    there = _there(ours, known)
    if not ours:
        titles = {"voice": "Voice field", "fallback": "Fallback field", "status": "Status field"}
        reason = "needs twilio.number, which did not succeed"
        return [there, *(saying(f"twilio.{name}", title)(SKIPPED, reason) for name, title in titles.items())]
    return [there, _voice(ours, base), _fallback(ours, known, base), _status(ours, base)]


def _there(ours: list[rest.Number], known: _Known) -> Finding:
    said = saying("twilio.number", "The number at Twilio")
    if not known.lines:
        return said(SKIPPED, "no phone line is known here, or the database does not answer")
    means = "Whoever rings that number never reaches this server."
    remedy = (
        f"Correct the phone line in the admin, or TWILIO_ACCOUNT_SID; the numbers stand at {_CONSOLE}, Phone Numbers."
    )
    lost = [number for number in known.lines if number not in {one.number for one in ours}]
    if lost:
        seen = f"{', '.join(lost[:3])}: not a number of this account"
        return said(WARN if ours else FAIL, seen, means, remedy)
    mute = [one.number for one in ours if not one.takes_calls]
    if mute:
        return said(FAIL, f"{mute[0]} cannot take calls (messages only)", means, f"Get a voice number at {_CONSOLE}")
    return said(OK, f"{len(ours)} number(s) of this account")


def _mend(number: rest.Number) -> str:
    return f"Type: python manage.py setup_twilio {number.number}"


def _voice(ours: list[rest.Number], base: str) -> Finding:
    said = saying("twilio.voice", "Voice field")
    found = [(one, wrong) for one in ours if (wrong := voice_fields.wrong_with_voice(one, base))]
    found.sort(key=lambda pair: pair[1].is_answered)
    if not found:
        return said(OK, f"{voice_fields.shown(ours[0].voice_url)}, POST")
    number, wrong = found[0]
    remedy = _mend(number)
    if number.trunk_sid:
        remedy = f"Take the number out of the trunk: {_CONSOLE}, Elastic SIP Trunking, Numbers."
    if wrong.is_answered:
        means = "Calls are answered all the same; a slip of the same kind in another field would not be."
        return said(WARN, f"{number.number}: {wrong.seen}", means, remedy)
    return said(FAIL, f"{number.number}: {wrong.seen}", "The caller hears an apology, or somebody else.", remedy)


def _fallback(ours: list[rest.Number], known: _Known, base: str) -> Finding:
    said = saying("twilio.fallback", "Fallback field")
    for number in ours:
        entered = known.lines[number.number]
        if seen := _wrong_fallback(number, entered, base):
            means = "When this server does not answer, the caller hears Twilio's apology and is cut off."
            remedy = _mend(number)
            if voice_fields.keeps_its_fallback(number, base) and entered:
                remedy = "Enter one address in both places: the page of the line in the admin, and " + _CONSOLE
            return said(WARN, f"{number.number}: {seen}", means, remedy)
    return said(OK, voice_fields.shown(ours[0].fallback_url))


def _wrong_fallback(number: rest.Number, entered: str, base: str) -> str:
    if voice_fields.is_elsewhere(entered, base) and number.fallback_url != entered:
        return f"{voice_fields.shown(number.fallback_url)}, while the line here says {voice_fields.shown(entered)}"
    if voice_fields.is_elsewhere(number.fallback_url, base):
        return "" if voice_fields.keeps_its_fallback(number, base) else "it leads to a host that was left"
    return voice_fields.wrong_with(number.fallback_url, number.fallback_method, base, "fallback")


def _status(ours: list[rest.Number], base: str) -> Finding:
    said = saying("twilio.status", "Status field")
    for number in ours:
        if wrong := voice_fields.wrong_with(number.status_url, number.status_method, base, "status"):
            means = "How long a call lasted, and that it ended, is learned late or never."
            return said(WARN, f"{number.number}: {wrong}", means, _mend(number))
    return said(OK, f"{voice_fields.shown(ours[0].status_url)}, POST")


async def _texts(client: rest.Client, senders: list[str]) -> Finding:
    said = saying("twilio.texts", "Text messages at Twilio")
    since = timezone.now() - RECENT
    asked = [aside(partial(client.undelivered, sender=sender, since=since)) for sender in senders]
    lost: Counter[int] = sum(await asyncio.gather(*asked), Counter())
    if not lost:
        return said(OK, "none undelivered in the last week")
    code, _ = lost.most_common(1)[0]
    reason, remedy = TEXT_CAUSES.get(code, _ANOTHER_CAUSE)
    others = f"; other codes: {', '.join(str(one) for one in lost if one != code)}" if len(lost) > 1 else ""
    seen = f"{lost.total()} undelivered in the last week, mostly {code}: {reason}{others}"
    return said(WARN, seen, "Customers and technicians do not get what the agent speaks of.", remedy)
