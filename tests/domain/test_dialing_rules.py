"""Which numbers a caller may have rung, and when somebody there is awake."""

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from calls.domain import dialing_rules
from calls.domain.dialing_rules import Forbidden
from calls.models import Business
from tests import factories


def to_dial(text, *, country="US", also=""):
    business = Business(country=country, callback_countries=also)
    return dialing_rules.number_to_dial(text, business=business)


NEW_YORK, LOS_ANGELES, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles"), ZoneInfo("Europe/Berlin")

NOT_A_NUMBER, INCOMPLETE = "not a telephone number", "not a complete telephone number"
EMERGENCY, SATELLITE, FOREIGN = "Emergency numbers", "Satellite", "other countries"
UNUSED, ORDINARY = "not in use", "Only ordinary land lines"
FORBIDDEN = {
    # emergency
    "911": EMERGENCY,
    "9-1-1": EMERGENCY,
    "+1911": INCOMPLETE,
    "(911) ": EMERGENCY,
    "911 911 9111": EMERGENCY,
    "112": EMERGENCY,
    "+1 911 555 0100": UNUSED,
    # short codes and services
    "311": INCOMPLETE,
    "411": INCOMPLETE,
    "988": INCOMPLETE,
    "72345": INCOMPLETE,
    "242733": INCOMPLETE,
    "0": NOT_A_NUMBER,
    "*67 518 555 0123": NOT_A_NUMBER,
    "#31#5185550123": NOT_A_NUMBER,
    # premium and shared cost
    "+1 900 555 1234": ORDINARY,
    "900-410-8463": ORDINARY,
    "+1 518 976 1234": ORDINARY,
    "212 976 1616": ORDINARY,
    "+44 909 879 0000": FOREIGN,
    "+49 900 1 234567": FOREIGN,
    "+33 899 12 34 56": FOREIGN,
    # toll free, personal, carriers' own
    "+1 800 555 1234": ORDINARY,
    "+1 888 555 1234": ORDINARY,
    "+1 500 555 1234": ORDINARY,
    "+1 533 555 1234": ORDINARY,
    "+1 700 555 1234": UNUSED,
    "+1 710 555 1234": UNUSED,
    # satellite and world services
    "+870 773 123456": SATELLITE,
    "+881 6 123 45678": SATELLITE,
    "+881 8 456 78901": SATELLITE,
    "+882 13 30 0000": SATELLITE,
    "+882 16 1234567": SATELLITE,
    "+883 5100 123456": SATELLITE,
    "+800 1234 5678": SATELLITE,
    "+808 1234 5678": SATELLITE,
    "+979 123 456 789": SATELLITE,
    "+878 10 1234567890": SATELLITE,
    # countries that look like home, and pay whoever is rung
    "+1 876 555 1234": FOREIGN,
    "876 555 1234": FOREIGN,
    "+1 809 555 1234": FOREIGN,
    "+1 829 555 1234": FOREIGN,
    "+1 849 555 1234": FOREIGN,
    "+1 268 464 1234": FOREIGN,
    "+1 242 359 1234": FOREIGN,
    "+1 473 403 1234": FOREIGN,
    "+1 649 231 1234": FOREIGN,
    "+1 664 491 2345": FOREIGN,
    "+1 767 225 1234": FOREIGN,
    "+1 784 430 1234": FOREIGN,
    "+1 284 300 1234": FOREIGN,
    "+1 416 555 0123": FOREIGN,
    # other countries
    "+44 20 7183 8750": FOREIGN,
    "+49 30 901820": FOREIGN,
    "+252 61 5123456": FOREIGN,
    "+53 5 1234567": FOREIGN,
    "+371 21 234567": FOREIGN,
    "+247 40123": FOREIGN,
    "011 44 20 7183 8750": FOREIGN,
    # nobody's
    "+1 199 555 1234": UNUSED,
    "+1 555 123 4567": UNUSED,
    "+1 518 055 1234": UNUSED,
    "000 000 0000": UNUSED,
    # no numbers
    "anonymous": NOT_A_NUMBER,
    "": NOT_A_NUMBER,
    "call me maybe": NOT_A_NUMBER,
    "1-800-FLOWERS": NOT_A_NUMBER,
    "sip:x@example.com": NOT_A_NUMBER,
    "client:cortana": NOT_A_NUMBER,
    "+1 518 487 1234 ext. 9": NOT_A_NUMBER,
    "+1 518 487 1234;900": NOT_A_NUMBER,
    "+1518487123456789012": NOT_A_NUMBER,
    "1" * 40: NOT_A_NUMBER,
    "+1 518 487": INCOMPLETE,
    "487 1234": UNUSED,
    "+1518４871234": NOT_A_NUMBER,
    "+999 123456789": NOT_A_NUMBER,
    "+266696687": INCOMPLETE,  # how Twilio writes an anonymous caller
    "'; DROP TABLE calls; --": NOT_A_NUMBER,
    "+1 518 487 1234\r\nBcc: x@example.com": NOT_A_NUMBER,
}
ALLOWED = {
    "+1 518 487 1234": "+15184871234",
    "(518) 487-1234": "+15184871234",
    "518.487.1234": "+15184871234",
    "1 518 487 1234": "+15184871234",
    "+13105551234": "+13105551234",
    "+1 808 955 1234": "+18089551234",
    "+1 907 555 0123": "+19075550123",
    "+15550100001": "+15550100001",
}


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "why"), FORBIDDEN.items())
def test_a_forbidden_number_is_refused_with_its_reason(text, why):
    with pytest.raises(Forbidden, match=why):
        to_dial(text)


def test_the_table_of_forbidden_numbers_is_long():
    assert len(FORBIDDEN) >= 60


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "number"), ALLOWED.items())
def test_an_ordinary_number_of_the_country_is_dialed(text, number):
    assert to_dial(text) == number


@pytest.mark.django_db
def test_each_business_calls_its_own_country():
    assert to_dial("030 901820", country="DE") == "+4930901820"
    with pytest.raises(Forbidden, match="other countries"):
        to_dial("+1 518 487 1234", country="DE")
    with pytest.raises(Forbidden, match="Emergency"):
        to_dial("11200", country="DE")
    with pytest.raises(Forbidden, match="not in use"):
        to_dial("+15550100001", country="CA")


@pytest.mark.django_db
def test_other_countries_are_called_that_the_owner_names():
    assert to_dial("+1 416 487 0123", also="MX CA") == "+14164870123"
    assert to_dial("+52 55 1234 5678", also="MX CA") == "+525512345678"
    for text in ("+1 876 487 1234", "+49 30 901820"):
        with pytest.raises(Forbidden, match="other countries"):
            to_dial(text, also="MX CA")


def test_whatever_countries_are_named_no_number_is_called_that_costs_more_than_a_call():
    everywhere, kinds = " ".join(phonenumbers.SUPPORTED_REGIONS), phonenumbers.PhoneNumberType
    allowed = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (kinds.PREMIUM_RATE, kinds.SHARED_COST, kinds.UAN, kinds.PERSONAL_NUMBER, kinds.PAGER):
            if example := phonenumbers.example_number_for_type(region, kind):
                with contextlib.suppress(Forbidden):
                    allowed.append(to_dial(phonenumbers.format_number(example, 0), also=everywhere))

    assert allowed == []


@pytest.mark.django_db
def test_one_of_our_own_lines_is_never_dialed():
    line = factories.make_line(number="+15550106000")

    with pytest.raises(Forbidden, match="this very line"):
        to_dial(line.number)


# Daytime


@pytest.mark.parametrize(
    ("number", "zones"),
    [("+15184871234", ["America/New_York"]), ("+18089551234", ["Pacific/Honolulu"]), ("+15550100001", [])],
)
def test_the_zone_of_a_number_is_known_where_it_can_be(number, zones):
    assert [zone.key for zone in dialing_rules.zones_of(number)] == zones


@pytest.mark.parametrize(
    ("hour", "minute", "is_day"), [(7, 59, False), (8, 0, True), (20, 59, True), (21, 0, False), (3, 0, False)]
)
def test_daytime_is_from_eight_to_nine_in_the_evening(hour, minute, is_day):
    assert dialing_rules.is_daytime(datetime(2026, 11, 20, hour, minute, tzinfo=NEW_YORK), NEW_YORK) is is_day


@pytest.mark.parametrize(
    ("asked", "zones", "rung"),
    [
        (datetime(2026, 11, 20, 12, 0, tzinfo=NEW_YORK), [NEW_YORK], datetime(2026, 11, 20, 12, 0, tzinfo=NEW_YORK)),
        (datetime(2026, 11, 20, 22, 7, tzinfo=NEW_YORK), [NEW_YORK], datetime(2026, 11, 21, 8, 0, tzinfo=NEW_YORK)),
        (
            datetime(2026, 11, 20, 9, 0, tzinfo=NEW_YORK),
            [NEW_YORK, LOS_ANGELES],
            datetime(2026, 11, 20, 16, 0, tzinfo=UTC),
        ),
        (datetime(2026, 11, 20, 9, 1, 2, tzinfo=BERLIN), [NEW_YORK, BERLIN], datetime(2026, 11, 20, 13, 0, tzinfo=UTC)),
        (datetime(2026, 3, 8, 1, 0, tzinfo=NEW_YORK), [NEW_YORK], datetime(2026, 3, 8, 12, 0, tzinfo=UTC)),
        (datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK), [NEW_YORK], datetime(2026, 11, 1, 13, 0, tzinfo=UTC)),
    ],
)
def test_the_next_daytime_is_that_of_everybody(asked, zones, rung):
    assert dialing_rules.next_daytime(asked, zones) == rung


def test_zones_that_are_never_awake_together_have_none():
    far = [ZoneInfo("Pacific/Honolulu"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Europe/London")]

    assert dialing_rules.next_daytime(datetime(2026, 11, 20, tzinfo=UTC), far) is None


def test_no_call_falls_into_the_night_of_the_callee_in_a_whole_year():
    zone, moment, night = LOS_ANGELES, datetime(2026, 1, 1, tzinfo=UTC), []
    while moment.year == 2026:
        rung = dialing_rules.next_daytime(moment, [zone, NEW_YORK])
        night += [moment] if not all(8 <= rung.astimezone(z).hour < 21 for z in (zone, NEW_YORK)) else []
        moment += timedelta(hours=29, minutes=7)

    assert night == []


def forbidden_by_the_hundred():
    """What every numbering plan knows of numbers that cost more than a call, and whole ranges of the worst ones."""
    kinds = phonenumbers.PhoneNumberType
    costly = (kinds.PREMIUM_RATE, kinds.SHARED_COST, kinds.UAN, kinds.VOIP, kinds.PERSONAL_NUMBER, kinds.MOBILE)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS - {"US"}):
        for kind in costly:
            if example := phonenumbers.example_number_for_type(region, kind):
                yield phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    yield from (f"+1900{exchange}1234" for exchange in range(200, 1000, 20))
    yield from (f"+1{area}9761234" for area in (212, 213, 305, 312, 404, 415, 518, 617, 702, 718))
    yield from (f"+88{digit}{start}1234567" for digit in (1, 2, 3) for start in (6, 8, 13, 16))


def test_no_number_of_hundreds_that_cost_more_than_a_call_is_dialed():
    numbers = list(forbidden_by_the_hundred())
    allowed = []
    for number in numbers:
        with contextlib.suppress(Forbidden):
            allowed.append(to_dial(number))

    assert len(numbers) >= 500
    assert allowed == []
