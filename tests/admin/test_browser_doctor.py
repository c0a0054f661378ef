"""The pages of the doctor in Chromium, at a desk and on a telephone: nothing overflows, everything is seen."""

from dataclasses import replace

import pytest

from calls.doctor import runner
from calls.doctor.findings import FAIL, OK, WARN, Finding
from calls.models import DoctorRun
from calls.views import diagnostics
from calls.views.diagnostics import Allowance
from tests import factories
from tests.admin.test_browser import COLORS, LONG_WORD, WIDTHS, overflow, visit

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True)]

WELL = Finding("port", OK, "Who owns the port", "port 8000 is ours", ms=3)
LONG = Finding("line", WARN, LONG_WORD, LONG_WORD, LONG_WORD, f"https://example.com/{LONG_WORD} {LONG_WORD}")
FOUND = [WELL, LONG, Finding("openai", FAIL, "OpenAI", "no key", "Nobody speaks.", "Make a key.")]


@pytest.fixture
def doctor(monkeypatch):
    async def diagnose(site, ids):
        for finding in FOUND:
            yield finding

    monkeypatch.setattr(runner, "diagnose", diagnose)
    monkeypatch.setattr(diagnostics, "allowance", Allowance())
    factories.make_superuser(username="owner")


@pytest.mark.parametrize("scheme", COLORS)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_person_looks_how_the_line_is(live_server, doctor, width, scheme):
    with visit(live_server.url, width=width, scheme=scheme, found="#content") as (page, complaints):
        widths, levels = [], []

        def read(selector):
            page.wait_for_selector(selector)
            page.wait_for_load_state("load")
            widths.append(overflow(page))
            levels.append([level.inner_text() for level in page.locator(".level").all() if level.is_visible()])

        page.goto(f"{live_server.url}/admin/")
        read(".health .deed")
        page.click("text=Look now")
        read(".findings")
        page.goto(page.url)  # what a redirect leads to is not routed
        page.click("summary")
        read(".others .finding")
        page.goto(f"{live_server.url}/admin/calls/doctorrun/")
        read("#result_list")
        page.goto(f"{live_server.url}/admin/")
        read(".health li")
        page.goto(f"{live_server.url}/twilio/diagnostic")
        read(".findings")
        sizes = [page.locator(one).first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") for one in PARTS]
        inside = [is_inside(page, selector) for selector in (".finding h2", ".remedy", ".remedy a")]

    assert (widths, complaints) == ([0] * 6, [])
    assert levels == [[], ["FAIL", "WARN"], ["FAIL", "WARN", "OK"], [], [], ["FAIL", "WARN"]]
    assert min(sizes) >= 13
    assert inside == [True] * 3
    assert DoctorRun.objects.filter(source="admin").count() == 1


PARTS = [".finding p", ".finding h2", ".remedy"]


def is_inside(page, selector):
    width = page.viewport_size["width"]
    boxes = [box for box in (part.bounding_box() for part in page.locator(selector).all()) if box]
    return boxes != [] and all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)


def test_when_all_is_well_everything_is_open_to_read(live_server, doctor, monkeypatch):
    monkeypatch.setattr("tests.admin.test_browser_doctor.FOUND", [WELL, replace(WELL, id="asgi")])

    with visit(live_server.url, width="telephone", scheme="light", found="#content") as (page, complaints):
        page.goto(f"{live_server.url}/twilio/diagnostic")
        page.wait_for_selector(".finding")
        seen = page.locator(".finding:visible").count()

    assert (seen, complaints) == (2, [])
