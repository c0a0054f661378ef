"""The calendar of a day: what stands where, in the time of the business, on days of every kind."""

import re
from datetime import date, time, timedelta

import pytest

from calls.admin import day
from calls.models import Weekday
from tests import factories, factories_trade
from tests.admin.pages import address, text_of

TUESDAY = date(2026, 11, 24)
EIGHT = 8 * day.HOUR_UNITS


@pytest.fixture
def business(db):
    return factories_trade.make_open_business()


def blocks(found, name):
    [column] = [column for column in found.columns if column.technician.name == name]
    return [(block.kind, block.start, block.span, block.hours, block.text) for block in column.blocks]


def test_a_booking_stands_at_its_time_with_the_way_after_it(business):
    dan = factories_trade.make_technician(business=business, name="Dan")
    factories_trade.make_booking(technician=dan)

    found = day.day_of(business=business, on=TUESDAY)

    assert (found.marks[0], found.marks[-1], found.units) == ((0, "8 AM"), (96, "4 PM"), 108)
    assert blocks(found, "Dan") == [("booking", 12, 12, "9:00–10:00 AM", ""), ("way", 24, 3, "", "")]
    assert (found.bookings, found.is_open) == (1, True)


def test_own_hours_and_time_off_are_shown_as_not_worked(business):
    dan = factories_trade.make_technician(business=business, name="Dan")
    factories_trade.make_working_hours(technician=dan, starts_at=time(10), ends_at=time(17))
    noon = factories_trade.TUESDAY_AT_NINE + timedelta(hours=3)
    factories_trade.make_time_off(technician=dan, starts_at=noon, ends_at=noon + timedelta(hours=1), reason="Dentist")
    factories_trade.make_technician(business=business, name="Ann")

    found = day.day_of(business=business, on=TUESDAY)

    assert blocks(found, "Dan") == [
        ("off", 0, 24, "8:00–10:00 AM", "Not working"),
        ("off", 48, 12, "12:00–1:00 PM", "Dentist"),
    ]
    assert blocks(found, "Ann") == []


def test_a_closed_day_shows_everybody_away_and_says_why(business):
    factories_trade.make_technician(business=business, name="Dan")
    factories_trade.make_exception(business=business, on=TUESDAY, note="Inventory")

    found = day.day_of(business=business, on=TUESDAY)

    assert blocks(found, "Dan") == [("off", 0, 108, "8:00 AM–5:00 PM", "Not working")]
    assert (found.columns[0].is_away, found.is_open, found.note) == (True, False, "Inventory")


def test_a_day_with_work_outside_of_the_hours_is_shown_as_long_as_it_is(business):
    dan = factories_trade.make_technician(business=business, name="Dan")
    factories_trade.make_booking(technician=dan, starts_at=factories_trade.TUESDAY_AT_NINE - timedelta(hours=3))
    late = factories_trade.TUESDAY_AT_NINE + timedelta(hours=14, minutes=30)  # past midnight
    factories_trade.make_booking(technician=dan, starts_at=late)

    found = day.day_of(business=business, on=TUESDAY)

    assert (found.marks[0][1], found.marks[-1][1]) == ("6 AM", "11 PM")
    assert [block[:4] for block in blocks(found, "Dan") if block[0] == "booking"] == [
        ("booking", 0, 12, "6:00–7:00 AM"),
        ("booking", 210, 6, "11:30 PM–12:00 AM"),
    ]


def test_the_cancelled_do_not_stand_in_the_calendar_and_the_retired_only_with_work(business):
    gone = factories_trade.make_technician(business=business, name="Gone", is_active=False)
    factories_trade.make_technician(business=business, name="Idle", is_active=False)
    factories_trade.make_booking(technician=gone)
    factories_trade.make_booking(technician=gone, status="cancelled")

    found = day.day_of(business=business, on=TUESDAY)

    assert [column.technician.name for column in found.columns] == ["Gone"]
    assert found.bookings == 1


@pytest.mark.parametrize("on", [date(2026, 3, 8), date(2026, 11, 1)])
def test_days_on_which_the_clock_jumps_keep_their_clock(business, on):
    factories_trade.make_hours(business=business, weekdays=[Weekday.SUNDAY])
    dan = factories_trade.make_technician(business=business, name="Dan")
    starts_at = factories_trade.TUESDAY_AT_NINE.replace(month=on.month, day=on.day, hour=13 if on.month == 3 else 14)
    factories_trade.make_booking(technician=dan, starts_at=starts_at)

    assert blocks(day.day_of(business=business, on=on), "Dan")[0][:4] == ("booking", 12, 12, "9:00–10:00 AM")


def test_the_shortest_work_still_has_room_for_a_line(business):
    service = factories_trade.make_service(business=business, duration_minutes=5)
    dan = factories_trade.make_technician(business=business, name="Dan")
    factories_trade.make_booking(technician=dan, service=service)

    assert blocks(day.day_of(business=business, on=TUESDAY), "Dan")[0][:3] == ("booking", 12, day.SHORTEST)


def test_a_business_without_hours_shows_an_ordinary_day(db):
    business = factories.make_business()
    factories_trade.make_technician(business=business)

    found = day.day_of(business=business, on=TUESDAY)

    assert (found.units, found.marks[0]) == (9 * day.HOUR_UNITS, (0, "8 AM"))


def test_the_style_sheet_knows_every_place():
    with open("calls/static/calls/day.css") as file:
        rules = file.read()

    assert [int(n) for n in re.findall(r"\.from-(\d+) \{ grid-row-start", rules)] == list(range(day.DAY_UNITS + 1))
    assert [int(n) for n in re.findall(r"\.for-(\d+) \{ grid-row-end", rules)] == list(range(1, day.DAY_UNITS + 1))


def test_the_page_leads_from_day_to_day(owner, business):
    dan = factories_trade.make_technician(business=business, name="Dan")
    booking = factories_trade.make_booking(technician=dan)

    response = owner.get(address("booking", "day"), {"on": "2026-11-24"})

    page = response.content.decode()
    assert "Tuesday, November 24" in text_of(response)
    assert re.findall(r'rel="(prev|next)" href="\?on=([\d-]+)', page) == [
        ("prev", "2026-11-23"),
        ("next", "2026-11-25"),
    ]
    assert 'class="booking booking-live from-12 for-12"' in page
    assert f'href="{address("booking", "change", booking.pk)}"' in page


@pytest.mark.parametrize("asked", ["", "yesterday", "0001-01-01", "2026-02-30"])
def test_a_day_that_cannot_be_read_is_today(owner, business, asked, time_machine):
    time_machine.move_to(factories.RANG_AT, tick=False)
    owner.force_login(factories.make_superuser())

    page = text_of(owner.get(address("booking", "day"), {"on": asked, "business": "x"}))

    assert "Friday, November 20 Today" in page


def test_each_business_has_its_own_calendar(owner, business):
    other = factories_trade.make_open_business(name="Bluebird")
    factories_trade.make_technician(business=business, name="Dan")
    factories_trade.make_technician(business=other, name="Ann")

    page = text_of(owner.get(address("booking", "day"), {"business": other.pk}))

    assert ("Ann" in page, "Dan" in page) == (True, False)


def test_an_empty_installation_says_what_is_missing(owner):
    nothing = text_of(owner.get(address("booking", "day")))
    factories.make_business()
    nobody = text_of(owner.get(address("booking", "day")))

    assert "There is no business yet." in nothing
    assert "Cedar Plumbing has no technicians yet." in nobody


def test_the_calendar_is_for_those_who_may_see_bookings(client, business):
    client.force_login(factories.make_staff("calls.view_call"))

    assert client.get(address("booking", "day")).status_code == 403
