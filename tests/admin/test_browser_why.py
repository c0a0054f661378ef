"""Why a call was as it was, in Chromium: at a desk, on a telephone, light and dark, under the strict policy."""

from datetime import timedelta

import pytest
from django.utils import timezone

from calls.models import Call
from tests import factories
from tests.admin.test_browser import WIDTHS, boxes, overflow, visit
from tests.domain.stories import RANG, TAKEN, a_call, ended, voicemail

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True)]

FILL = {"light": "rgb(210, 60, 60)", "dark": "rgb(255, 122, 114)"}
SILENT = [
    *TAKEN,
    ("filler", 2100),
    ("filler", 5800),
    ("gave_up_waiting", 8600, {"waited_ms": 8000}),
    ended("upstream_unavailable", 8600),
    ("handover", 8700),
    ("voicemail", 26_000),
]


@pytest.fixture
def calls():
    """Of the last hours: a caller who met silence, two who met no agent, one of whom nothing is to be said."""
    factories.make_superuser(username="owner")
    now = timezone.now()
    unavailable = Call.EndReason.UPSTREAM_UNAVAILABLE
    silent = a_call(
        *SILENT, reason=unavailable, spoke=False, **voicemail(rang_at=now - timedelta(hours=1), call_sid="CAsilent")
    )
    for hours in (2, 3):
        keyless = [RANG, ("no_stream", 5, {"because": "no_openai_key"}), ("handover", 10)]
        a_call(*keyless, reason=unavailable, streamed=False, spoke=False, rang_at=now - timedelta(hours=hours))
    a_call(RANG, reason=Call.EndReason.BLOCKED, streamed=False, spoke=False, rang_at=now - timedelta(hours=4))
    return silent


@pytest.mark.parametrize("scheme", FILL)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_person_finds_out_why_a_caller_met_silence(live_server, calls, width, scheme):
    with visit(live_server.url, width=width, scheme=scheme) as (page, complaints):
        page.goto(f"{live_server.url}/admin/calls/call/wrong/")
        listed, groups = overflow(page), page.locator(".why h2").all_inner_texts()
        page.locator(".why:has-text('took the connection') li a").click()
        page.wait_for_selector(".waterfall")
        page.wait_for_load_state()  # its style sheets
        read, told = overflow(page), page.locator(".why").inner_text()
        pictures, bars = boxes(page, ".waterfall svg"), boxes(page, ".bar-silence")
        letters = [text.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") for text in _texts(page)]
        outside = [text.text_content() for text in _texts(page) if not _is_inside(page, text.bounding_box())]
        fill = page.locator(".bar-silence").first.evaluate("e => getComputedStyle(e).fill")

    assert (listed, read, complaints) == (0, 0, [])
    assert [group.split("\n")[0].split("  ")[0] for group in groups] == [
        "No OpenAI key 2 our configuration",
        "OpenAI took the connection and did not answer 1 OpenAI",
    ]
    assert "The caller waited 8.0 s and heard only a short clip asking for a moment because OpenAI took" in told
    assert [picture["width"] for picture in pictures] == [pictures[0]["width"]] * 2
    assert len(bars) == 6 and all(bar["width"] > 4 for bar in bars)
    assert (min(letters) >= 11, outside, fill) == (True, [], FILL[scheme])


def _texts(page):
    return page.locator(".waterfall text").all()


def _is_inside(page, box):
    return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]


def test_the_line_from_the_ring_to_the_answer_is_drawn_too(live_server, calls):
    with visit(live_server.url, width="desk", scheme="light") as (page, _):
        page.goto(f"{live_server.url}/admin/calls/call/{calls.pk}/change/")
        lanes = page.locator(".waterfall").first.locator("text.lane").all_text_contents()

    assert lanes == [
        "The ring is answered",
        "Twilio opens the stream",
        "OpenAI's socket opens",
        "Nothing was heard",
    ]
