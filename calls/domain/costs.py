"""What a call costs, in US dollars as OpenAI and Twilio bill: tokens by kind, minutes by leg, at the prices of its day.

A cached token is a token of the input that costs less: it is taken out of the input before that is counted. What the
transcription of the caller costs, and monthly fees, are not in it.

A budget may not fail open. What of a call is not known, because it goes on or because a price is missing, counts by
the begun minute at the dearest prices there are, as if both spoke all the time and all of it were read again and again.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Max, Q, QuerySet, Sum

from calls.models import Business, Call, Price
from calls.models.call import OF_THE_DOCTOR

Item = Price.Item
MILLION = 1_000_000
ZERO = Decimal(0)

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")  # the vendor's name of a model, with the day on which it was frozen
# A call that was never closed, because its process died, counts no longer than this.
LONGEST_CALL = timedelta(hours=2)
TOKENS_A_MINUTE = {Item.AUDIO_IN: 600, Item.AUDIO_OUT: 1200, Item.AUDIO_CACHED: 20_000, Item.TEXT_CACHED: 20_000}
LEAST_A_MINUTE, LEAST_OF_TELEPHONE = Decimal("0.10"), Decimal("0.01")  # where hardly any price is entered

_UNANSWERED = {Call.EndReason.BUSY, Call.EndReason.NO_ANSWER, Call.EndReason.FAILED}


def settle_cost(*, call_id: int) -> None:
    """Write what the call has cost, from what is known of it by now; to be repeated when more is known."""
    with transaction.atomic():
        call = Call.objects.select_for_update().get(pk=call_id)
        prices = prices_on(model=call.model, day=call.rang_at.date())
        is_settled = call.streaming_at is None or call.model  # the tokens come with the model, at the end of the stream
        Call.objects.filter(pk=call_id).update(
            model_cost=cost_of_tokens(call=call, prices=prices) if is_settled else None,
            telephone_cost=cost_of_minutes(call=call, prices=prices),
        )


def prices_on(*, model: str, day: date) -> dict[str, Decimal]:
    """By item, Twilio's and the model's: the newest that had begun, else the first that is known.

    A price under the vendor's full name of a model goes before one under the name without its day.
    """
    names = list(dict.fromkeys(["", _DATED.sub("", model), model]))
    rows = list(Price.objects.filter(model__in=names).order_by("since"))
    prices: dict[str, Decimal] = {}
    for name in names:
        known: dict[str, Decimal] = {}
        for row in rows:
            if row.model == name and (row.since <= day or row.item not in known):
                known[row.item] = row.dollars
        prices |= known
    return prices


def cost_of_tokens(*, call: Call, prices: Mapping[str, Decimal]) -> Decimal | None:
    """None where a price is missing: nothing would look like a cheap call."""
    cached_text = call.cached_tokens - call.cached_audio_tokens
    counts = {
        Item.TEXT_IN: call.input_tokens - call.input_audio_tokens - cached_text,
        Item.TEXT_CACHED: cached_text,
        Item.TEXT_OUT: call.output_tokens - call.output_audio_tokens,
        Item.AUDIO_IN: call.input_audio_tokens - call.cached_audio_tokens,
        Item.AUDIO_CACHED: call.cached_audio_tokens,
        Item.AUDIO_OUT: call.output_audio_tokens,
    }
    used = {item: count for item, count in counts.items() if count > 0}
    if any(item not in prices for item in used):
        return None
    return sum((prices[item] * count / MILLION for item, count in used.items()), ZERO)


def cost_of_minutes(*, call: Call, prices: Mapping[str, Decimal]) -> Decimal | None:
    """Twilio counts begun minutes, of each leg. None while the call goes on, and where a price is missing."""
    if call.ended_at is None:
        return None
    if call.is_test:
        return ZERO  # Twilio has no part in it
    leg = Item.OUTBOUND if call.direction == Call.Direction.OUTBOUND else Item.INBOUND
    minutes = [(leg, _begun_minutes(_length(call)))]
    minutes += [(Item.OUTBOUND, _begun_minutes(length)) for length in _dialed(call)]
    streams = call.streams.exclude(ended_at=None).values_list("started_at", "ended_at")
    minutes += [(Item.STREAM, _begun_minutes(ended_at - started_at)) for started_at, ended_at in streams]
    if any(item not in prices for item, count in minutes if count):
        return None
    return sum((prices[item] * count for item, count in minutes if count), ZERO)


def spent(*, business: Business, since: datetime, now: datetime) -> Decimal:
    """What the callers of a business have cost who rang since then, calls that go on included."""
    calls = business.calls.filter(rang_at__gte=since).exclude(OF_THE_DOCTOR)
    sums = calls.aggregate(Sum("model_cost"), Sum("telephone_cost"))
    known = sum((amount for amount in sums.values() if amount is not None), ZERO)
    return known + _guessed(calls.filter(Q(model_cost=None) | Q(telephone_cost=None)), now)


def unpriced(*, models: Iterable[str], day: date) -> list[str]:
    """Those of these models that have no price for some kind of token: what their calls cost is a guess."""
    return [model for model in models if set(Price.TOKENS) - set(prices_on(model=model, day=day))]


def _guessed(calls: QuerySet[Call], now: datetime) -> Decimal:
    of_model, of_telephone = ZERO, ZERO
    moments = ("rang_at", "streaming_at", "handed_over_at", "ended_at")
    for call in calls.only("status", "model_cost", "telephone_cost", *moments):
        answered_at = call.streaming_at or call.handed_over_at
        # What is known of a call that has come back is the cost of the stream before.
        is_known = call.model_cost is not None and call.status != Call.Status.STREAMING
        if call.streaming_at and not is_known:
            of_model += _minutes(call.streaming_at, call.handed_over_at or call.ended_at or now)
        if call.telephone_cost is None and answered_at:
            of_telephone += _minutes(call.rang_at, call.ended_at or now)
    if not of_model and not of_telephone:
        return ZERO
    dearest = dict(Price.objects.order_by().values_list("item").annotate(Max("dollars")))
    tokens = sum((dearest.get(item, ZERO) * count / MILLION for item, count in TOKENS_A_MINUTE.items()), ZERO)
    leg = max(dearest.get(Item.INBOUND, ZERO), dearest.get(Item.OUTBOUND, ZERO)) + dearest.get(Item.STREAM, ZERO)
    return of_model * max(tokens, LEAST_A_MINUTE) + of_telephone * max(leg, LEAST_OF_TELEPHONE)


def _minutes(began: datetime, ended: datetime) -> int:
    return _begun_minutes(min(ended - began, LONGEST_CALL))


def _length(call: Call) -> timedelta:
    """How long Twilio counts the call itself: by its own report, else from the ring; nothing if nobody took it."""
    told = [seconds for seconds in _seconds_told(call, "call_status") if seconds]
    if told:
        return timedelta(seconds=max(told))
    if call.ended_at is None or (call.end_reason in _UNANSWERED and call.streaming_at is None):
        return timedelta()
    return call.ended_at - call.rang_at


def _dialed(call: Call) -> list[timedelta]:
    return [timedelta(seconds=seconds) for seconds in _seconds_told(call, "dial_done") if seconds]


def _seconds_told(call: Call, kind: str) -> list[int]:
    details = call.events.filter(kind=kind).values_list("detail", flat=True)
    return [seconds for detail in details if isinstance(seconds := detail.get("seconds"), int)]


def _begun_minutes(length: timedelta) -> int:
    return max(0, -(-length // timedelta(minutes=1)))
