"""What is known of the set-up, and which parts of it may never be shown."""

import pytest

from calls.doctor.findings import FAIL, Finding, hide
from calls.doctor.site import Site


@pytest.mark.parametrize("field", ["public_base_url", "openai_url", "twilio_api_url"])
def test_nothing_of_an_address_but_its_place_is_shown(field):
    url = "https://canary-user:canary-word@calls.cedarplumbing.com/?key=canary-key"

    told = hide(Finding("one", FAIL, "One", url), Site(**{field: url}).secrets)

    assert told.seen == "https://•••:•••@calls.cedarplumbing.com/?•••"
