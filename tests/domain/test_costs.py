"""What a call costs, by tokens and minutes, at the prices of its day."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from calls.domain import costs, lifecycle, streams
from calls.models import Call, Price
from calls.models.call import TEST_CALL_PREFIX
from tests import factories

pytestmark = pytest.mark.django_db

MODEL = "gpt-realtime-2.1"
RANG_ON = factories.RANG_AT.date()
PRICES = {
    "text_in": Decimal(4),
    "text_cached": Decimal("0.40"),
    "text_out": Decimal(24),
    "audio_in": Decimal(32),
    "audio_cached": Decimal("0.40"),
    "audio_out": Decimal(64),
    "inbound": Decimal("0.0085"),
    "outbound": Decimal("0.014"),
    "stream": Decimal("0.004"),
}


def used(**tokens):
    return Call(**{"model": MODEL} | tokens)


@pytest.mark.parametrize(
    ("tokens", "dollars"),
    [
        ({}, "0"),
        ({"input_tokens": 1_000_000}, "4"),
        ({"input_tokens": 1_000_000, "cached_tokens": 1_000_000}, "0.40"),
        ({"input_tokens": 1_000_000, "cached_tokens": 400_000}, "2.56"),
        ({"input_tokens": 1_000_000, "input_audio_tokens": 1_000_000}, "32"),
        (
            {
                "input_tokens": 1_000_000,
                "input_audio_tokens": 500_000,
                "cached_tokens": 600_000,
                "cached_audio_tokens": 200_000,
            },
            # 100,000 text, 400,000 cached text, 300,000 sound, 200,000 cached sound
            "10.24",
        ),
        ({"output_tokens": 1_000_000}, "24"),
        ({"output_tokens": 1_000_000, "output_audio_tokens": 1_000_000}, "64"),
    ],
    ids=["none", "text", "cached text", "partly cached", "sound", "all of it", "text out", "sound out"],
)
def test_each_token_is_counted_once_at_the_price_of_its_kind(tokens, dollars):
    assert costs.cost_of_tokens(call=used(**tokens), prices=PRICES) == Decimal(dollars)


def test_a_model_without_a_price_costs_nobody_knows_what():
    assert costs.cost_of_tokens(call=used(input_tokens=1), prices={}) is None
    assert costs.cost_of_tokens(call=used(), prices={}) == 0


def test_the_seeded_prices_know_every_current_model():
    for model in ("gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-realtime-2", "gpt-realtime-1.5"):
        assert set(costs.prices_on(model=model, day=date(2026, 11, 20))) == set(Price.Item.values)

    assert costs.prices_on(model=MODEL, day=date(2026, 11, 20)) == PRICES


def test_a_price_counts_from_its_day_on():
    Price.objects.filter(item="text_in", model=MODEL).delete()
    for since, dollars in ((date(2026, 11, 1), 4), (date(2026, 12, 1), 5)):
        Price.objects.create(item="text_in", model=MODEL, since=since, dollars=dollars)
    days = [date(2026, 10, 1), date(2026, 11, 30), date(2026, 12, 1)]

    assert [costs.prices_on(model=MODEL, day=day)["text_in"] for day in days] == [4, 4, 5]


def test_a_model_with_a_day_in_its_name_costs_what_the_model_costs_unless_it_has_a_price_of_its_own():
    dated = f"{MODEL}-2026-09-01"
    before = costs.prices_on(model=dated, day=RANG_ON)
    Price.objects.create(item="text_in", model=dated, since=date(2026, 1, 1), dollars=1)

    assert before == PRICES
    assert costs.prices_on(model=dated, day=RANG_ON) == PRICES | {"text_in": 1}


def test_twilio_counts_begun_minutes_of_each_leg_and_of_the_stream():
    call = factories.make_ended_call(seconds=130)
    at = call.rang_at
    factories.make_stream(call=call, started_at=at, ended_at=at + timedelta(seconds=60))
    factories.make_event(call=call, kind="dial_done", detail={"result": "completed", "seconds": 61})

    # 3 minutes in, 1 of the stream, 2 of the person's telephone
    assert costs.cost_of_minutes(call=call, prices=PRICES) == Decimal("0.0085") * 3 + Decimal("0.004") + Decimal(
        "0.028"
    )


def test_what_twilio_says_of_the_length_counts():
    call = factories.make_ended_call(seconds=130)
    factories.make_event(call=call, kind="call_status", detail={"status": "completed", "seconds": 59})

    assert costs.cost_of_minutes(call=call, prices=PRICES) == Decimal("0.0085")


def test_a_call_of_ours_that_nobody_took_costs_nothing():
    call = factories.make_ended_call(direction="outbound", end_reason="no_answer", streaming_at=None)

    assert costs.cost_of_minutes(call=call, prices=PRICES) == 0


def test_twilio_charges_nothing_for_a_call_of_the_doctor_and_the_business_has_not_spent_it():
    call = factories.make_ended_call(seconds=130, call_sid=f"{TEST_CALL_PREFIX}{'0' * 26}", model_cost="0.50")

    assert costs.cost_of_minutes(call=call, prices=PRICES) == 0
    assert costs.spent(business=call.business, since=call.rang_at, now=call.ended_at) == 0


def test_a_call_that_goes_on_has_no_cost_of_minutes_yet():
    assert costs.cost_of_minutes(call=factories.make_call(), prices=PRICES) is None


def test_the_end_of_a_stream_writes_what_the_call_has_cost_and_the_end_of_the_call_completes_it():
    call = factories.make_call()
    streams.settle_stream(
        call_id=call.pk,
        realtime_session_id="s",
        model=MODEL,
        input_tokens=1000,
        cached_tokens=0,
        output_tokens=1000,
        output_audio_tokens=1000,
    )
    call.refresh_from_db()
    halfway = call.model_cost, call.telephone_cost
    lifecycle.change_status(
        call_sid=call.call_sid,
        call_status="completed",
        sequence=0,
        seconds=61,
        findings=[],
        now=call.rang_at + timedelta(seconds=70),
    )
    call.refresh_from_db()

    assert halfway == (Decimal("0.068"), None)
    assert (call.model_cost, call.telephone_cost) == (Decimal("0.068"), Decimal("0.017"))


def test_what_a_business_has_spent_is_the_sum_of_what_is_known():
    line = factories.make_line()
    factories.make_ended_call(line=line, model_cost="0.50", telephone_cost="0.02")
    factories.make_ended_call(line=line, model_cost="0.25", telephone_cost=0)
    factories.make_ended_call(line=line, model_cost="9", rang_at=factories.RANG_AT - timedelta(days=1))
    factories.make_ended_call(model_cost="9")

    assert spent(line) == Decimal("0.77")


def spent(line, minutes=0):
    """Since the ring of `factories`, as asked so many minutes later."""
    now = factories.RANG_AT + timedelta(minutes=minutes)
    return costs.spent(business=line.business, since=factories.RANG_AT, now=now)


# What is not known: 0.112 for a minute of the dearest model, 0.018 for one of the dearest leg and its stream


@pytest.mark.parametrize(
    ("fields", "minutes", "dollars"),
    [
        ({}, 0, "0"),
        ({}, 0.1, "0.13"),
        ({}, 25, "3.25"),
        ({}, 5000, "15.6"),
        ({"handed_over_at": factories.RANG_AT + timedelta(minutes=2), "status": "handed_over"}, 25, "0.674"),
        ({"status": "handed_over", "streaming_at": None, "handed_over_at": factories.RANG_AT}, 25, "0.45"),
        ({"status": "ringing", "streaming_at": None}, 25, "0"),
    ],
    ids=["none yet", "begun", "long", "never closed", "with a person by now", "a person only", "not answered"],
)
def test_a_call_that_goes_on_counts_by_the_begun_minute_at_the_dearest_prices(fields, minutes, dollars):
    call = factories.make_call(**{"streaming_at": factories.RANG_AT} | fields)

    assert spent(call.line, minutes) == Decimal(dollars)


def test_the_true_cost_takes_the_place_of_the_guess():
    call = factories.make_ended_call(seconds=90, model="gpt-realtime-9", output_tokens=9000)
    before = spent(call.line, 9)
    for item in Price.TOKENS:
        Price.objects.create(item=item, model="gpt-realtime-9", since=RANG_ON, dollars=1)
    costs.settle_cost(call_id=call.pk)

    assert (before, spent(call.line, 9)) == (Decimal("0.26"), Decimal("0.009") + Decimal("0.0085") * 2)


def test_without_any_price_a_minute_still_counts():
    Price.objects.all().delete()
    call = factories.make_call(streaming_at=factories.RANG_AT)

    assert spent(call.line, 10) == Decimal("1.10")


def test_a_call_whose_tokens_nobody_counted_has_no_cost_of_nothing():
    """Its server was killed; Twilio says that it is over."""
    call = factories.make_call(streaming_at=factories.RANG_AT)
    told = {"call_sid": call.call_sid, "call_status": "completed", "sequence": 0, "seconds": 61, "findings": []}
    lifecycle.change_status(**told, now=factories.RANG_AT + timedelta(seconds=61))

    call.refresh_from_db()
    assert (call.model_cost, call.telephone_cost) == (None, Decimal("0.017"))
    assert spent(call.line, 9) == Decimal("0.241")


def test_a_model_without_all_of_its_prices_is_known():
    Price.objects.create(item="text_in", model="gpt-realtime-9", dollars=1, since=RANG_ON)

    assert costs.unpriced(models=[MODEL, "gpt-realtime-9", "gpt-realtime-10"], day=RANG_ON) == [
        "gpt-realtime-9",
        "gpt-realtime-10",
    ]
