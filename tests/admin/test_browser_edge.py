"""In Chromium: the pages of lines, listed numbers, prices and limits, at a desk and on a telephone."""

import pytest

from calls.models import ListedNumber, Price
from tests import factories
from tests.admin.pages import address
from tests.admin.test_browser import LONG_WORD, WIDTHS, overflow, visit

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def pages():
    """The pages by name, with words that no line can hold."""
    factories.make_superuser(username="owner")
    business = factories.make_business(name=LONG_WORD[:100], calls_at_once=5, budget_a_day="12.50")
    line = factories.make_line(business=business, fallback_url=f"https://handler.twilio.com/twiml/{LONG_WORD}")
    listed = ListedNumber.objects.create(business=business, number="+12125550123", note=LONG_WORD[:200])
    price = Price.objects.create(item="text_in", model="gpt-realtime-2.1", dollars="4", since="2026-12-01")
    call = factories.make_ended_call(line=line, model_cost="0.1234", telephone_cost="0.0085")
    return {
        "bin": address("phoneline", "bin", line.pk),
        "line": address("phoneline", "change", line.pk),
        "listed": address("listednumber"),
        "listed-one": address("listednumber", "change", listed.pk),
        "prices": address("price"),
        "price": address("price", "change", price.pk),
        "business": address("business", "change", business.pk),
        "call": address("call", "change", call.pk),
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows_and_the_console_is_silent(live_server, pages, width, scheme, tmp_path):
    wide = {}
    with visit(live_server.url, width=width, scheme=scheme, found="#content") as (page, complaints):
        for name, path in pages.items():
            page.goto(live_server.url + path)
            page.wait_for_load_state("load")
            wide[name] = overflow(page)
            page.screenshot(path=tmp_path / f"{name}-{width}-{scheme}.png", full_page=True)

    assert (wide, complaints) == (dict.fromkeys(pages, 0), [])
