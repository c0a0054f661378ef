"""Which numbers may be dialed for a caller, and when.

A caller who can have any number rung at the business's cost can have it ring a number that pays them. So only ordinary
telephones of the business's own country, and of those that its owner names beside it, are dialed: no premium,
satellite, short, emergency, toll-free or forwarding number, and none of our own lines.
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, timezone

from calls.models import Business, PhoneLine

EARLIEST, LATEST = time(8), time(21)  # daytime of the person who is called, by the FCC's rules and by good manners
_STEP = timedelta(minutes=15)
_SEARCHED_STEPS = 4 * 24 * 8

_ORDINARY = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.VOIP,
}
# North America's exchange 976 and area code 900 are premium; the tables of the library know only the latter.
_PREMIUM_EXCHANGE = re.compile(r"\+1\d{3}976\d{4}")
# Area code 555 is nobody's: demonstrations and tests dial it, and nothing that is dialed there reaches anybody.
_FICTION = re.compile(r"\+155501\d{5}")
_WRITTEN = re.compile(r"\+?[0-9 ()./-]{3,24}")


class Forbidden(Exception):
    """The number is not dialed; the text says why, fit to be spoken."""


def number_to_dial(text: str, *, business: Business) -> str:
    """The number as +15551234567, if it may be dialed for a caller of the business. Raises Forbidden."""
    country = business.country
    if not _WRITTEN.fullmatch(text.strip()):
        raise Forbidden("That is not a telephone number. Ask for it digit by digit.")
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        raise Forbidden("That is not a telephone number. Ask for it digit by digit.") from None
    _demand_complete(text, number, country)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not (_FICTION.fullmatch(e164) and country == "US"):
        _demand_ordinary(number, e164, {country, *business.callback_countries.split()})
    if PhoneLine.objects.filter(number=e164).exists():
        raise Forbidden("That is the number of this very line. Ask for another one.")
    return e164


def zones_of(number: str) -> list[ZoneInfo]:
    """The time zones in which a telephone of this number may be; empty where nobody can tell."""
    names = timezone.time_zones_for_number(phonenumbers.parse(number))
    return [zone for name in names if (zone := _zone(name)) is not None]


def next_daytime(moment: datetime, zones: Sequence[ZoneInfo]) -> datetime | None:
    """The first moment from `moment` on at which it is daytime in all zones; None when there is none in a week.

    A number may belong to several zones, and then all of them have to be awake.
    """
    for _ in range(_SEARCHED_STEPS):
        if all(is_daytime(moment, zone) for zone in zones):
            return moment
        moment = _next_step(moment)
    return None


def is_daytime(moment: datetime, zone: ZoneInfo) -> bool:
    return EARLIEST <= moment.astimezone(zone).time() < LATEST


def _demand_complete(text: str, number: PhoneNumber, country: str) -> None:
    national = re.sub(r"[^0-9]", "", text)
    if phonenumbers.connects_to_emergency_number(national, country) or phonenumbers.is_emergency_number(
        national, country
    ):
        raise Forbidden("Emergency numbers are never dialed from here. The caller has to dial it.")
    if not phonenumbers.is_possible_number(number) or number.extension:
        raise Forbidden("That is not a complete telephone number. Ask for it digit by digit.")


def _demand_ordinary(number: PhoneNumber, e164: str, countries: Collection[str]) -> None:
    if phonenumbers.region_code_for_country_code(number.country_code) == "001":
        raise Forbidden("Satellite and international service numbers are not called from here.")
    if not phonenumbers.is_valid_number(number):
        raise Forbidden("That number is not in use. Ask for it again, digit by digit.")
    if phonenumbers.region_code_for_number(number) not in countries:
        raise Forbidden("Numbers of other countries are not called from here.")
    if _PREMIUM_EXCHANGE.fullmatch(e164) or phonenumbers.number_type(number) not in _ORDINARY:
        raise Forbidden("Only ordinary land lines and mobile phones are called from here.")


def _next_step(moment: datetime) -> datetime:
    """The next quarter of an hour; daytime begins and ends on one in every zone."""
    seconds = _STEP.total_seconds()
    return moment + timedelta(seconds=seconds - moment.timestamp() % seconds)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
