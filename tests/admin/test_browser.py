"""The pages in Chromium under a strict policy: nothing overflows, everything is seen, the console is silent."""

import shutil
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import sync_playwright

from calls.admin.policy import POLICY
from calls.domain import persona
from calls.emulators import sound
from calls.models import Agent, Call, Turn
from tests import factories, factories_trade

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True)]

WIDTHS = {"desk": (1280, 900), "telephone": (390, 844)}
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PARTS = [
    *(".turn-caller .bubble", ".turn-agent .bubble", ".interrupted", ".tool", ".keys", ".timeline", ".recording"),
    *(".player", ".call-summary", ".call-note-review", ".call-note-next", ".left"),
]
COLORED = ["body", ".turn-caller .bubble", ".turn-agent .bubble"]
COLORS = {
    "light": ["rgb(255, 255, 255)", "rgb(240, 241, 243)", "rgb(225, 239, 243)"],
    "dark": ["rgb(18, 18, 18)", "rgb(38, 42, 46)", "rgb(23, 53, 63)"],
}
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstelle" * 3


@pytest.fixture
def call():
    """A call with everything on its page, and words that no line can hold. Made before the browser's loop runs."""
    factories.make_superuser(username="owner")
    call = factories.make_ended_call(recording_url="https://api.twilio.com/Recordings/RE1", recording_seconds=31)
    Call.objects.update(
        summary=LONG_WORD, next_action=LONG_WORD[:200], needs_review=True, review_reason=LONG_WORD[:200]
    )
    factories.make_turn(call=call, role=Turn.Role.AGENT, text="Thank you for calling.", interrupted=True, unheard="How")
    factories.make_turn(call=call, text=f"My kitchen tap is dripping. {LONG_WORD}")
    factories.make_turn(call=call, text="[keypad: 1]")
    factories.make_tool_call(call=call, arguments={"message": LONG_WORD, "nested": {LONG_WORD: [LONG_WORD]}})
    factories.make_event(call=call, kind=LONG_WORD[:40], detail={"detail": LONG_WORD})
    factories.make_message(call=call, caller_name=LONG_WORD[:100], text=LONG_WORD)
    factories.make_stream(call=call, error=LONG_WORD)
    factories_trade.make_answer(business=call.business, call=call, question=LONG_WORD[:200], answer=LONG_WORD[:200])
    return call


def sees(page, selector):
    """Is it on the page, with a size, inside the window's width?"""
    box = page.locator(selector).first.bounding_box()
    return (
        box is not None
        and box["width"] > 0
        and box["x"] >= 0
        and box["x"] + box["width"] <= page.viewport_size["width"]
    )


def under_policy(route):
    """Every page that is opened arrives with the policy, whatever the server under test sends."""
    if route.request.resource_type != "document" or route.request.method != "GET":
        return route.continue_()
    response = route.fetch()
    return route.fulfill(response=response, headers=response.headers | {"content-security-policy": POLICY})


@contextmanager
def visit(address, *, width, scheme, found="#result_list"):
    """A page of Chromium at the list of calls, logged in, and everything that it complains of."""
    complaints = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
        page = browser.new_page(viewport=size, color_scheme=scheme)
        page.route("**/*", under_policy)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/admin/login/?next=/admin/calls/call/")
        page.fill("#id_username", "owner")
        page.fill("#id_password", "correct horse")
        page.click("[type=submit]")
        page.wait_for_selector(found)
        page.goto(page.url)  # what a redirect leads to is not routed
        yield page, complaints
        browser.close()


def overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def is_seen(page, part):
    """Has it a size, and does it stand inside the window's width?"""
    box = page.locator(part).first.bounding_box()
    return box is not None and box["width"] > 0 and 0 <= box["x"] <= page.viewport_size["width"] - box["width"]


@pytest.mark.parametrize("scheme", COLORS)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_person_logs_in_and_reads_a_call(live_server, call, width, scheme):
    with visit(live_server.url, width=width, scheme=scheme) as (page, complaints):
        listed = overflow(page)
        page.locator("#result_list tbody th a").click()
        page.wait_for_selector(".chat")
        page.wait_for_load_state("load")
        read = overflow(page)
        title = page.locator("h1").inner_text()
        seen = [part for part in PARTS if is_seen(page, part)]
        sides = [page.locator(f".turn-{side} .bubble").first.bounding_box() for side in ("caller", "agent")]
        colors = [page.locator(part).first.evaluate("e => getComputedStyle(e).backgroundColor") for part in COLORED]

    assert title == "Call from +1 555-010-0001"
    assert (listed, read, complaints) == (0, 0, [])
    assert seen == PARTS
    assert sides[0]["x"] < sides[1]["x"]
    assert colors == COLORS[scheme]


@pytest.fixture
def day_of_three():
    """Three technicians: one with two bookings, one with a short one and words that no line can hold, one away."""
    factories.make_superuser(username="owner")
    business = factories_trade.make_open_business()
    service = factories_trade.make_service(business=business, name="Drain cleaning")
    dan, ann, eve = (factories_trade.make_technician(business=business, name=name) for name in ("Dan", "Ann", "Eve"))
    at_nine = factories_trade.TUESDAY_AT_NINE
    factories_trade.make_booking(technician=dan, service=service, status="confirmed")
    factories_trade.make_booking(technician=dan, service=service, starts_at=at_nine + timedelta(hours=3))
    short = factories_trade.make_service(business=business, name=LONG_WORD[:80], duration_minutes=15)
    customer = factories_trade.make_customer(business=business, address=LONG_WORD[:200])
    factories_trade.make_booking(technician=ann, service=short, customer=customer)
    factories_trade.make_time_off(technician=eve, starts_at=at_nine - timedelta(hours=9), reason="Holiday")
    return business


def boxes(page, selector):
    return [box for box in (part.bounding_box() for part in page.locator(selector).all()) if box]


@pytest.mark.parametrize("scheme", COLORS)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_calendar_of_a_day_is_read_at_a_desk_and_on_a_telephone(live_server, day_of_three, width, scheme):
    with visit(live_server.url, width=width, scheme=scheme, found=".object-tools, #content") as (page, complaints):
        page.goto(f"{live_server.url}/admin/calls/booking/day/?on=2026-11-24")
        page.wait_for_selector(".day")
        wide = overflow(page)
        names = [name.inner_text().split()[0] for name in page.locator("h2.day-name").all()]
        columns, booked = boxes(page, ".day-column"), boxes(page, ".day-column:nth-child(3) .booking")
        first = page.locator(".booking").first
        told = first.inner_text()
        size = first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
        page.locator("a[rel=next]").click()
        page.wait_for_selector("text=Wednesday, November 25")

    assert (wide, complaints) == (0, [])
    assert names == ["Ann", "Dan", "Eve"]
    assert len(booked) == 2
    if width == "desk":
        assert [column["y"] for column in columns] == [columns[0]["y"]] * 3  # beside each other
        assert booked[1]["y"] - booked[0]["y"] == 3 * 12 * 6  # three hours, by the clock
    else:
        assert [column["x"] for column in columns] == [columns[0]["x"]] * 3  # under each other
        assert [column["width"] for column in columns] == [360] * 3
        assert size >= 14
    assert "9:00–9:15 AM" in told


@pytest.fixture
def desk():
    """A business that is open, with somebody to send on every day to come, and a customer."""
    factories.make_superuser(username="owner")
    business = factories.make_business()
    factories_trade.make_hours(business=business, weekdays=range(7))
    factories_trade.make_service(business=business, name="Drain cleaning")
    factories_trade.make_technician(business=business, name="Dan")
    factories_trade.make_customer(business=business, name="Ann Lee", address="3 Oak Road, Albany")
    return business


def too_wide(page, inside):
    """The names of all parts of the page that reach out of the window."""
    return [
        f"{part.evaluate('e => e.tagName')} {part.get_attribute('class') or part.get_attribute('name')}"
        for part in page.locator(f"{inside} :is(input, select, textarea, label, button, a, p, legend)").all()
        if (box := part.bounding_box())
        and (box["x"] < 0 or box["x"] + box["width"] > page.viewport_size["width"])
        and "visually-hidden" not in (part.get_attribute("class") or "")
    ]


@pytest.mark.parametrize("scheme", COLORS)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_booking_is_made_and_moved_by_hand_at_a_desk_and_on_a_telephone(live_server, desk, width, scheme):
    tomorrow = timezone.localdate() + timedelta(days=1)
    with visit(live_server.url, width=width, scheme=scheme, found="#content") as (page, complaints):
        page.goto(f"{live_server.url}/admin/calls/booking/add/?day={tomorrow + timedelta(days=1)}")
        page.locator(".field-customer .select2-selection").click()
        page.locator(".select2-search__field").fill("Ann")
        page.locator(".select2-results__option:has-text('Ann Lee')").click()
        page.select_option("#id_service", label="Drain cleaning")
        page.locator("button[name=look]:visible >> nth=-1").click()
        page.wait_for_selector(".times")
        page.wait_for_load_state()  # with its styles: before them everything reaches out of the window
        wide = [overflow(page), *too_wide(page, "#content-main")]
        filled = page.input_value("#id_address")
        small = [box["height"] for box in boxes(page, ".time") if box["height"] < 40]
        page.locator(".time").first.click()
        page.locator("button[name=book]").click()
        page.wait_for_selector(".messagelist .success")
        booked = page.locator(".messagelist .success").inner_text()
        page.locator("text=Move it").click()
        page.wait_for_selector(".times")
        page.wait_for_load_state()  # with its styles: before them everything reaches out of the window
        wide += [overflow(page), *too_wide(page, "#content-main")]
        page.fill("#id_on", str(tomorrow + timedelta(days=1)))
        page.fill("#id_at", "11:10")
        page.locator("button[name=move]").click()
        page.wait_for_selector(".errornote")
        refused = page.locator(".errorlist.nonfield").inner_text()
        page.fill("#id_at", "11:30")
        page.locator("button[name=move]").click()
        page.wait_for_selector(".messagelist .success")
        moved = page.locator(".messagelist .success").inner_text()

    assert (wide, small, complaints) == ([0, 0], [], [])
    assert filled == "3 Oak Road, Albany"
    assert "8:00 AM; Dan goes. The technician is told." in booked
    assert refused == "Bookings begin every 30 minutes of the day, not at 11:10 AM."
    assert "11:30 AM; Dan goes." in moved


def test_the_policy_of_this_test_is_in_force(live_server, call):
    with visit(live_server.url, width="desk", scheme="light") as (page, complaints):
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")

    assert ["style-src" in complaint for complaint in complaints] == [True]


@pytest.fixture
def greeted_agent():
    factories.make_superuser(username="owner")
    factories.make_ended_call()
    agent = Agent.objects.get()
    words = f"{persona.greeting_of(agent)} {LONG_WORD}"
    agent.greeting = words
    agent.save()
    factories.make_kept_greeting(agent=agent, text=words, sound=sound.tone(3000))
    return agent


@pytest.mark.parametrize("width", WIDTHS)
def test_a_kept_greeting_is_seen_and_plays_under_the_policy(live_server, greeted_agent, width):
    parts = [".kept h2", ".kept .badge", ".kept .player", ".kept-words", ".kept .deed"]
    with visit(live_server.url, width=width, scheme="light") as (page, complaints):
        page.goto(f"{live_server.url}/admin/calls/agent/{greeted_agent.pk}/change/")
        wide = overflow(page)
        seen = [part for part in parts if is_seen(page, part)]
        seconds = page.locator(".kept .player").evaluate(
            "e => new Promise(is => { e.onloadedmetadata = () => is(e.duration); e.onerror = () => is(0); e.load(); })"
        )
        page.locator(".kept .deed").click()
        page.wait_for_selector(".messagelist .success")
        badges = page.locator(".kept .badge").count()

    assert (wide, seen, complaints) == (0, parts, [])
    assert seconds == pytest.approx(3.0, abs=0.05)
    assert badges == 0
