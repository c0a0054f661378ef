"""The doctor beside `runserver`: it stands in for keys as that does, and only where that is what answers."""

import pytest

from calls import database
from calls.doctor.checkout import as_served_here
from calls.doctor.configuration import examine
from calls.doctor.findings import hide
from calls.doctor.runner import diagnose
from calls.doctor.site import Site
from calls.lab import local
from calls.models import Call
from tests import factories
from tests.doctor.house import House
from tests.doctor.test_our_line import not_well, our_server

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
SECRET = "a secret key"
DERIVED = local.derived_token(SECRET)


def site_at(port, **changes):
    return Site(public_base_url=f"http://127.0.0.1:{port}", port=port, **changes)


def token_finding(site):
    return next(finding for finding in examine(site) if finding.id == "settings.twilio-token")


async def test_development_server_is_asked_with_the_token_of_its_checkout(settings, tmp_path):
    """What `runserver` has set for itself, and what a command beside it reads from an empty .env."""
    await database.run(factories.make_line)
    async with our_server(settings, TWILIO_AUTH_TOKENS=[DERIVED], OPENAI_API_KEY="sk-emulated") as emulator:
        local.note_emulator(tmp_path, emulator.url)
        site = await as_served_here(site_at(settings.PORT), secret_key=SECRET, base=tmp_path)
        findings = [finding async for finding in diagnose(site)]

    assert not_well(findings) == {
        "settings.public-url": "FAIL",
        "settings.openai-url": "WARN",
        "settings.twilio-token": "WARN",
        "line.fallback": "WARN",
        "worker": "WARN",
        "twilio": "SKIPPED",
    }
    assert findings[-1].id == "twilio"
    assert [call.call_sid[:8] async for call in Call.objects.all()] == ["CAd0c70f"]


async def test_missing_token_is_a_warning_that_says_what_does_not_work(tmp_path):
    async with House(token=DERIVED) as house:
        site = await as_served_here(site_at(house.port), secret_key=SECRET, base=tmp_path)

    finding = token_finding(site)
    assert (finding.level.value, finding.seen) == ("WARN", "not set")
    assert "every call of Twilio's own gets 403" in finding.means
    assert hide(finding, site.secrets) == finding
    assert DERIVED in site.secrets
    assert DERIVED not in repr(site)


@pytest.mark.parametrize(
    ("changes", "house_token"),
    [
        ({}, "another token of the server"),
        ({"twilio_tokens": ("0123456789abcdef0123456789abcdef",)}, DERIVED),
        ({"twilio_shared_keys": (("id", "secret"),)}, DERIVED),
    ],
)
async def test_nothing_stands_in_where_another_server_or_the_real_token_is(tmp_path, changes, house_token):
    async with House(token=house_token) as house:
        site = Site(**{"public_base_url": house.base, "port": house.port} | changes)

        assert await as_served_here(site, secret_key=SECRET, base=tmp_path) == site


async def test_line_with_a_public_address_needs_its_own_keys(tmp_path):
    local.note_emulator(tmp_path, "ws://127.0.0.1:9/v1/realtime")
    async with House(token=DERIVED) as house:
        site = Site(public_base_url="https://line.cedarplumbing.com", port=house.port)

        assert await as_served_here(site, secret_key=SECRET, base=tmp_path) == site


async def test_note_of_an_emulator_that_is_gone_with_its_server_is_not_believed(tmp_path):
    local.note_emulator(tmp_path, "ws://127.0.0.1:9/v1/realtime")
    site = site_at(1)

    assert await as_served_here(site, secret_key=SECRET, base=tmp_path) == site
    assert token_finding(site).level.value == "FAIL"
