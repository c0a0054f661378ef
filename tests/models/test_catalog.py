"""Models and voices of Realtime: what is refused, what is warned of."""

from datetime import date

import pytest

from calls.models import catalog

TODAY = date(2026, 11, 20)
LAST_DAY = date(2027, 1, 20)


@pytest.mark.parametrize("name", catalog.MODELS)
def test_every_model_of_the_list_can_be_chosen_today(name):
    assert catalog.refusal_of_model(name, today=TODAY) == ""


def test_the_current_models_carry_no_warning():
    warned = [name for name in catalog.MODELS if catalog.warning_about_model(name, today=TODAY)]

    assert sorted({*catalog.MODELS} - {*warned}) == sorted(catalog.current_models())
    assert catalog.current_models() == [
        "gpt-realtime-2.1",
        "gpt-realtime-2.1-mini",
        "gpt-realtime-2",
        "gpt-realtime-1.5",
    ]


def test_a_model_about_to_be_shut_down_is_warned_of_with_day_and_successor():
    assert catalog.warning_about_model("gpt-realtime-mini", today=TODAY) == (
        "gpt-realtime-mini will be shut down on 2027-01-20; from then on calls would fail. "
        "Change to gpt-realtime-2.1-mini before."
    )


def test_on_its_last_day_a_model_is_refused_and_no_longer_warned_of():
    assert catalog.refusal_of_model("gpt-realtime", today=LAST_DAY) == (
        "gpt-realtime was shut down on 2027-01-20. Use gpt-realtime-2.1."
    )
    assert catalog.warning_about_model("gpt-realtime", today=LAST_DAY) == ""


def test_every_announced_successor_is_a_current_model():
    successors = {offer.replacement for offer in catalog.MODELS.values()}

    assert successors <= {*catalog.current_models()}


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("gpt-4o-realtime-preview", "gpt-4o-realtime-preview was shut down in 2026. Use gpt-realtime-2.1."),
        (
            "gpt-4o-mini-realtime-preview-2024-12-17",
            "gpt-4o-mini-realtime-preview-2024-12-17 was shut down in 2026. Use gpt-realtime-2.1-mini.",
        ),
        ("gpt-live-1", "gpt-live-1 cannot hold a Realtime conversation. Use gpt-realtime-2.1."),
        ("gpt-transcribe", "gpt-transcribe cannot hold a Realtime conversation. Use gpt-realtime-2.1."),
    ],
)
def test_a_model_that_is_gone_or_does_something_else_is_refused_with_a_substitute(name, refusal):
    assert catalog.refusal_of_model(name) == refusal


def test_an_unknown_model_is_refused_with_the_choice_and_the_way_round():
    assert catalog.refusal_of_model("gpt-realtime-9") == (
        "No Realtime model named gpt-realtime-9 is known here. Choose one of gpt-realtime-2.1, gpt-realtime-2.1-mini, "
        "gpt-realtime-2, gpt-realtime-1.5; or leave it blank and name a newer one in OPENAI_REALTIME_MODEL."
    )


@pytest.mark.parametrize("name", catalog.VOICES)
def test_every_voice_of_the_list_can_be_chosen(name):
    assert catalog.refusal_of_voice(name) == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nova", "nova is a voice of the text-to-speech API; Realtime makes noise of it."),
        ("Marin", "Realtime has no voice named Marin."),
    ],
)
def test_another_voice_is_refused_with_the_choice(name, reason):
    choice = "Choose one of marin, cedar, alloy, ash, ballad, coral, echo, sage, shimmer, verse."

    assert catalog.refusal_of_voice(name) == f"{reason} {choice}"
