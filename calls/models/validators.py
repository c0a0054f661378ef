"""What a person may enter, with a sentence that explains each refusal; warnings are for what works but looks wrong."""

import re
import string
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import available_timezones

import phonenumbers
from django.core.exceptions import ValidationError

from calls.models import catalog

PLACEHOLDERS = {"agent", "business"}

_POSSIBLE = phonenumbers.ValidationResult.IS_POSSIBLE
_WRONG_LENGTH = {
    phonenumbers.ValidationResult.TOO_SHORT: "has too few digits",
    phonenumbers.ValidationResult.TOO_LONG: "has too many digits",
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "begins with a country code that no country has",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
}

# Words by which a caller learns, in the languages of most callers here, that no person is speaking; accents removed.
_DISCLOSURE = re.compile(
    r"\b(automat|virtual|virtuel|artificial|artificiel|kunstliche intelligenz|robot|(voice|chat)?bot\b"
    r"|digital (assistant|receptionist))"
)
_ABBREVIATION = re.compile(r"\b(AI|A\.I\.|IA|KI)(?!\w)")  # in capitals: "ai" is a common word elsewhere


class Refusals:
    """Gathers what is refused, each beside its field, so that a person learns of all of it at once."""

    def __init__(self) -> None:
        self._of_field: dict[str, ValidationError] = {}

    @contextmanager
    def beside(self, name: str) -> Iterator[None]:
        try:
            yield
        except ValidationError as refusal:
            self._of_field[name] = refusal

    def raise_any(self) -> None:
        if self._of_field:
            raise ValidationError(dict(self._of_field))


@contextmanager
def on_field(name: str) -> Iterator[None]:
    """What is refused inside is shown beside the field `name`."""
    try:
        yield
    except ValidationError as refusal:
        raise ValidationError({name: refusal}) from None


def e164(text: str) -> str:
    """The number as it is stored, `+15551234567`; spaces, brackets and dashes are taken out."""
    text = text.strip()
    if not text.startswith("+"):
        raise ValidationError(
            "Begin with + and the country code, for example +1 555 010 9999. %(text)s alone cannot be dialed.",
            code="no_country_code",
            params={"text": text},
        )
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise ValidationError(
            "%(text)s is not a telephone number.", code="not_a_number", params={"text": text}
        ) from None
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != _POSSIBLE or number.extension:
        fault = "has an extension, which cannot be dialed here" if number.extension else _WRONG_LENGTH.get(reason)
        raise ValidationError(
            "%(text)s %(fault)s.",
            code="impossible_number",
            params={"text": text, "fault": fault or "has a wrong number of digits"},
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def warning_about_number(number: str) -> str:
    """A number of the right length in a range that nobody is known to use; ranges open faster than tables follow."""
    if phonenumbers.is_valid_number(phonenumbers.parse(number)):
        return ""
    return f"{number} has the right length, but lies in a range that is not in use as far as is known. Is it a slip?"


def check_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(
            "There is no time zone named %(name)s. It is written as Region/City, for example America/Chicago.",
            code="unknown_time_zone",
            params={"name": name},
        )


def check_country(code: str) -> None:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValidationError(
            "%(code)s is not the code of a country. It has two capital letters, for example US or CA.",
            code="unknown_country",
            params={"code": code},
        )


def check_countries(codes: str) -> None:
    for code in codes.split():
        check_country(code)


def check_language(code: str) -> None:
    if not re.fullmatch(r"[a-z]{2}", code):
        raise ValidationError(
            "A language is written with two small letters, for example en or es, not %(code)s: OpenAI's transcription "
            "refuses anything else.",
            code="unknown_language",
            params={"code": code},
        )


def check_threshold(value: float) -> None:
    check_within(value, 0, 1, "OpenAI knows no other threshold")


def check_silence(value: int) -> None:
    check_within(value, 200, 2000, "with less the agent cuts in, with more the caller thinks the line is dead")


def check_voice(name: str) -> None:
    if refusal := catalog.refusal_of_voice(name):
        raise ValidationError(refusal, code="unknown_voice")


def check_model(name: str) -> None:
    if refusal := catalog.refusal_of_model(name):
        raise ValidationError(refusal, code="unusable_model")


def check_greeting(text: str) -> None:
    """Only {agent} and {business} can be filled in; any other brace would be spoken or would break the greeting."""
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        raise ValidationError(
            "A brace { or } stands alone. Only {business} and {agent} are filled in.", code="lone_brace"
        ) from None
    if unknown := sorted(names - PLACEHOLDERS):
        raise ValidationError(
            "{%(name)s} cannot be filled in. Only {business} and {agent} can.",
            code="unknown_placeholder",
            params={"name": unknown[0]},
        )


def says_it_is_automated(greeting: str) -> bool:
    """Does a caller learn from the fixed words of the greeting that no person is speaking?"""
    spoken = re.sub(r"\{\w*\}", " ", greeting)
    decomposed = unicodedata.normalize("NFKD", spoken.lower())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return bool(_DISCLOSURE.search(plain) or _ABBREVIATION.search(spoken))


def check_within(value: float, least: float, most: float, why: str) -> None:
    if not least <= value <= most:
        raise ValidationError(
            "Choose a value from %(least)s to %(most)s: %(why)s.",
            code="out_of_range",
            params={"least": least, "most": most, "why": why},
        )
