"""The call page in Chromium under a strict policy: nothing overflows, both sides are seen, the console is silent."""

import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

from calls.admin.policy import POLICY
from calls.models import Turn
from tests import factories

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
PARTS = [".turn-caller .bubble", ".turn-agent .bubble", ".interrupted", ".tool", ".keys", ".timeline", ".recording"]
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
    factories.make_turn(call=call, role=Turn.Role.AGENT, text="Thank you for calling.", interrupted=True, unheard="How")
    factories.make_turn(call=call, text=f"My kitchen tap is dripping. {LONG_WORD}")
    factories.make_turn(call=call, text="[keypad: 1]")
    factories.make_tool_call(call=call, arguments={"message": LONG_WORD, "nested": {LONG_WORD: [LONG_WORD]}})
    factories.make_event(call=call, kind=LONG_WORD[:40], detail={"detail": LONG_WORD})
    factories.make_message(call=call, caller_name=LONG_WORD[:100], text=LONG_WORD)
    factories.make_stream(call=call, error=LONG_WORD)
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
def visit(address, *, width, scheme):
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
        page.wait_for_selector("#result_list")
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


def test_the_policy_of_this_test_is_in_force(live_server, call):
    with visit(live_server.url, width="desk", scheme="light") as (page, complaints):
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")

    assert ["style-src" in complaint for complaint in complaints] == [True]
