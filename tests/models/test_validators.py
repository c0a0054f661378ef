"""What a person may enter: accepted values, and the sentence of each refusal."""

import pytest
from django.core.exceptions import ValidationError

from calls.models import validators


def refusal(check, value):
    with pytest.raises(ValidationError) as refused:
        check(value)
    return refused.value.messages


@pytest.mark.parametrize("text", ["+15550109999", " +1 (555) 010-9999 ", "+1.555.010.9999"])
def test_a_number_is_stored_without_what_people_write_between_the_digits(text):
    assert validators.e164(text) == "+15550109999"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "555 010 9999",
            "Begin with + and the country code, for example +1 555 010 9999. 555 010 9999 alone cannot be dialed.",
        ),
        ("911", "Begin with + and the country code, for example +1 555 010 9999. 911 alone cannot be dialed."),
        ("+1911", "+1911 has too few digits."),
        ("+1555010999988", "+1555010999988 has too many digits."),
        ("+0 555", "+0 555 is not a telephone number."),
        ("+", "+ is not a telephone number."),
        ("+1 555 010 9999 ext. 5", "+1 555 010 9999 ext. 5 has an extension, which cannot be dialed here."),
        ("+49 1", "+49 1 is not a telephone number."),
    ],
)
def test_what_cannot_be_dialed_is_refused_with_the_reason(text, message):
    assert refusal(validators.e164, text) == [message]


def test_a_number_outside_the_ranges_in_use_is_only_warned_of():
    assert validators.warning_about_number("+12125550123") == ""
    assert validators.warning_about_number("+15550109999") == (
        "+15550109999 has the right length, but lies in a range that is not in use as far as is known. Is it a slip?"
    )


@pytest.mark.parametrize(
    ("check", "good"),
    [
        (validators.check_time_zone, "America/New_York"),
        (validators.check_country, "US"),
        (validators.check_language, "es"),
        (validators.check_threshold, 0.0),
        (validators.check_threshold, 1.0),
        (validators.check_silence, 200),
        (validators.check_silence, 2000),
        (validators.check_voice, "cedar"),
        (validators.check_model, "gpt-realtime-2.1"),
        (validators.check_greeting, "{business}: this is {agent}, a virtual assistant. {{}}"),
    ],
)
def test_good_values_pass(check, good):
    assert check(good) is None


@pytest.mark.parametrize(
    ("check", "bad", "message"),
    [
        (
            validators.check_time_zone,
            "Eastern",
            "There is no time zone named Eastern. It is written as Region/City, for example America/Chicago.",
        ),
        (
            validators.check_country,
            "us",
            "us is not the code of a country. It has two capital letters, for example US or CA.",
        ),
        (
            validators.check_language,
            "en-US",
            "A language is written with two small letters, for example en or es, not en-US: OpenAI's transcription "
            "refuses anything else.",
        ),
        (validators.check_threshold, 1.01, "Choose a value from 0 to 1: OpenAI knows no other threshold."),
        (
            validators.check_silence,
            199,
            "Choose a value from 200 to 2000: with less the agent cuts in, with more the caller thinks the line is "
            "dead.",
        ),
        (
            validators.check_greeting,
            "Hello from {company}",
            "{company} cannot be filled in. Only {business} and {agent} can.",
        ),
        (
            validators.check_greeting,
            "Hello from {business.pk}",
            "{business.pk} cannot be filled in. Only {business} and {agent} can.",
        ),
        (
            validators.check_greeting,
            "Hello :-}",
            "A brace { or } stands alone. Only {business} and {agent} are filled in.",
        ),
        (validators.check_model, "gpt-live-1", "gpt-live-1 cannot hold a Realtime conversation. Use gpt-realtime-2.1."),
    ],
)
def test_bad_values_are_refused_with_the_reason(check, bad, message):
    assert refusal(check, bad) == [message]


@pytest.mark.parametrize(
    "greeting",
    [
        "Thanks for calling {business}. This is {agent}, an automated assistant.",
        "Hi, you have reached the virtual receptionist of {business}.",
        "This is {agent}, the AI assistant.",
        "Soy {agent}, la asistente automática de {business}.",
        "Bonjour, ici l'assistante virtuelle de {business}.",
        "Guten Tag, hier spricht die KI von {business}.",
        "You are talking to a bot.",
    ],
)
def test_a_greeting_that_says_what_is_speaking_is_recognized(greeting):
    assert validators.says_it_is_automated(greeting) is True


@pytest.mark.parametrize(
    "greeting",
    [
        "Thanks for calling {business}. This is {agent}. How can I help?",
        "Hello, {agent} from the office. I'm both happy and available; j'ai le temps.",
        "Botanical Gardens, how can I help?",
        "",
    ],
)
def test_a_greeting_that_could_be_a_person_is_recognized(greeting):
    assert validators.says_it_is_automated(greeting) is False
