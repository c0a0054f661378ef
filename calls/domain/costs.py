"""What a call costs, in US dollars as OpenAI and Twilio bill: tokens by kind, minutes by leg, at the prices of its day.

A cached token is a token of the input that costs less: it is taken out of the input before that is counted. What the
transcription of the caller costs, and monthly fees, are not in it.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from calls.models import Business, Call, Price
from calls.models.call import OF_THE_DOCTOR

Item = Price.Item
MILLION = 1_000_000
ZERO = Decimal(0)

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")  # the vendor's name of a model, with the day on which it was frozen
_UNANSWERED = {Call.EndReason.BUSY, Call.EndReason.NO_ANSWER, Call.EndReason.FAILED}


def settle_cost(*, call_id: int) -> None:
    """Write what the call has cost, from what is known of it by now; to be repeated when more is known."""
    with transaction.atomic():
        call = Call.objects.select_for_update().get(pk=call_id)
        prices = prices_on(model=call.model, day=call.rang_at.date())
        Call.objects.filter(pk=call_id).update(
            model_cost=cost_of_tokens(call=call, prices=prices),
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


def spent(*, business: Business, since: datetime) -> Decimal:
    """What the callers of a business have cost who rang since then, as far as it is known."""
    sums = (
        business.calls.filter(rang_at__gte=since)
        .exclude(OF_THE_DOCTOR)
        .aggregate(Sum("model_cost"), Sum("telephone_cost"))
    )
    return sum((amount for amount in sums.values() if amount is not None), ZERO)


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
