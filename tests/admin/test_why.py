"""Why a call was as it was, on its page, and the calls of the last days that went wrong."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from calls.admin import waterfall, wrong
from calls.admin.policy import POLICY
from calls.doctor.caller import TEST_CALL_PREFIX
from calls.domain import explanation_facts
from calls.models import Call
from tests import factories
from tests.admin.pages import address, text_of
from tests.domain.stories import HANDED_OVER, RANG, STARTED, TALKED, a_call, ended

pytestmark = pytest.mark.django_db

WRONG = "/admin/calls/call/wrong/"
UNAVAILABLE = Call.EndReason.UPSTREAM_UNAVAILABLE
KEYLESS = [RANG, ("no_stream", 5, {"because": "no_openai_key"}), HANDED_OVER]


@pytest.fixture(autouse=True)
def an_hour_later():
    with time_machine.travel(factories.RANG_AT + timedelta(hours=1), tick=False):
        yield


def without_key(**fields):
    return a_call(*KEYLESS, reason=UNAVAILABLE, streamed=False, spoke=False, **fields)


def slow_to_open(**fields):
    opened = [("line_opened", 6700), ("session_ready", 6800), ("first_audio", 8000)]
    return a_call(*STARTED, *opened, ended("caller_hangup"), **fields)


def test_page_of_a_call_says_what_the_caller_met_whose_it_is_and_what_mends_it(clerk):
    page = text_of(clerk.get(address("call", "change", slow_to_open().pk)))

    assert "OpenAI was ready late OpenAI" in page
    assert "The caller heard nothing for 7.4 s because OpenAI's socket took 6.1 s to open." in page
    assert "Remedy Look at https://status.openai.com" in page
    assert "OpenAI's socket opens 6.1 s" in page


def test_page_of_a_call_that_went_well_says_so_and_keeps_its_picture_closed(clerk):
    response = clerk.get(address("call", "change", a_call(*TALKED, ended("caller_hangup")).pk))

    assert "Nothing went wrong: the agent was heard 0.8 s after the stream began." in text_of(response)
    assert '<details class="pictures">' in response.content.decode()


def test_pictures_need_no_style_and_no_script(clerk):
    response = clerk.get(address("call", "change", slow_to_open().pk))
    page = response.content.decode()
    picture = page[page.index('<figure class="waterfall">') : page.rindex("</figure>")]

    assert response.headers["Content-Security-Policy"] == POLICY
    assert [unwanted for unwanted in ("style=", "<style", "<script", "onload", "href=") if unwanted in picture] == []
    assert picture.count("<rect") == 8


def test_places_in_a_picture_are_parts_of_its_width():
    [opening, _] = waterfall.drawings(explanation_facts.read(slow_to_open()))

    assert [(lane.label, lane.value) for lane in opening.lanes] == [
        ("The ring is answered", "less than 0.1 s"),
        ("Twilio opens the stream", "0.6 s"),
        ("OpenAI's socket opens", "6.1 s"),
        ("OpenAI confirms the session", "0.1 s"),
        ("The model's first word", "1.2 s"),
        ("Nothing was heard", "7.4 s at most"),
    ]
    [bar] = opening.lanes[2].bars
    assert (bar.x, bar.width, bar.whose) == ("7.40%", "73.91%", "openai")
    assert [tick.label for tick in opening.ticks] == ["0 s", "5 s"]
    for lane in opening.lanes:
        for bar in lane.bars:
            assert float(bar.x[:-1]) + float(bar.width[:-1]) <= 100


def test_our_share_of_the_answers_stands_apart_from_the_models():
    sent = [("sound_out", 1402, {"of": "first_audio", "our_ms": 2}), ("sound_out", 6003, {"of": "answer", "our_ms": 3})]
    [_, whole] = waterfall.drawings(explanation_facts.read(a_call(*TALKED, *sent, ended("caller_hangup"))))

    lanes = [(lane.label, lane.value) for lane in whole.lanes]
    assert lanes == [("With the agent", "11.4 s"), ("Waits for the answer (1)", "1.3 s at most, 3 ms ours")]


def test_calls_that_went_wrong_are_grouped_by_what_they_have_in_common(clerk):
    for hours in range(3):
        without_key(rang_at=factories.RANG_AT - timedelta(hours=hours))
    slow = slow_to_open()
    a_call(*TALKED, ended("caller_hangup"))
    a_call(RANG, reason=Call.EndReason.BLOCKED, streamed=False, spoke=False)
    without_key(call_sid=f"{TEST_CALL_PREFIX}1")

    response = clerk.get(WRONG)

    page, found = text_of(response), response.context["wrong"]
    assert [(group.cause, group.count) for group in found.groups] == [("no_key", 3), ("openai_slow", 1)]
    assert [(group.cause, group.count) for group in found.wanted] == [("blocked_number", 1)]
    assert "Of 6 calls, 4 went wrong." in page
    assert "No OpenAI key 3 our configuration Remedy Put a key" in page
    assert f'href="{address("call", "change", slow.pk)}"' in response.content.decode()
    assert "•••01" in page
    assert "555" not in page


def test_only_the_days_that_are_asked_for_are_looked_at(clerk):
    for days in (0, 3, 10, 40):
        without_key(rang_at=factories.RANG_AT - timedelta(days=days))

    counts = [clerk.get(f"{WRONG}?days={days}").context["wrong"].count for days in (1, 7, 30, "forty", 999)]

    assert counts == [1, 2, 3, 2, 2]


def test_more_calls_than_are_looked_at_are_owned_up_to(clerk, monkeypatch):
    monkeypatch.setattr(wrong, "MOST_CALLS", 2)
    monkeypatch.setattr(wrong, "MOST_SHOWN", 1)
    for hours in range(3):
        without_key(rang_at=factories.RANG_AT - timedelta(hours=hours))

    page = text_of(clerk.get(WRONG))

    assert "Of the newest 2 calls, 2 went wrong." in page
    assert "and 1 more" in page


def test_without_calls_the_page_says_that_none_went_wrong(clerk):
    assert "Of 0 calls, none went wrong." in text_of(clerk.get(WRONG))


def test_who_may_not_see_calls_does_not_see_what_went_wrong(client, db):
    client.force_login(factories.make_staff("calls.view_message"))

    assert client.get(WRONG).status_code == 403
    assert client.post(WRONG).status_code == 403
    client.logout()
    assert client.get(WRONG).url == f"/admin/login/?next={WRONG}"


@pytest.mark.parametrize("page", ["list", "call"])
def test_pages_ask_as_often_for_many_rows_as_for_few(clerk, page):
    call = slow_to_open()
    where = WRONG if page == "list" else address("call", "change", call.pk)

    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert clerk.get(where).status_code == 200
        return len(queries)

    clerk.get(where)
    few = asked()
    for number in range(40):
        without_key(rang_at=factories.RANG_AT - timedelta(minutes=number))
        factories.make_event(call=call, kind="filler", at_ms=number)
        factories.make_turn(call=call)
        factories.make_tool_call(call=call)

    assert asked() == few


def test_list_of_calls_leads_to_those_that_went_wrong(clerk):
    assert f'href="{WRONG}"' in clerk.get(reverse("admin:calls_call_changelist")).content.decode()
