"""Pages may load nothing but their own files."""

import re
from pathlib import Path

import pytest
from django.urls import reverse

from calls.admin.policy import POLICY

CALLS = Path(__file__).parents[2] / "calls"
MIDDLEWARE = "calls.admin.policy.content_security_policy"


@pytest.fixture(autouse=True)
def policy(settings):
    settings.MIDDLEWARE = [*(name for name in settings.MIDDLEWARE if name != MIDDLEWARE), MIDDLEWARE]


def test_a_page_of_the_admin_carries_the_policy(client, db):
    assert client.get(reverse("admin:login")).headers["Content-Security-Policy"] == POLICY


def test_every_other_page_carries_it_too(client):
    for address in ("/nowhere", "/twilio/voice"):
        assert client.get(address).headers["Content-Security-Policy"] == POLICY


def test_what_is_no_page_does_not(client):
    assert "Content-Security-Policy" not in client.get("/healthz").headers


def test_no_page_of_ours_needs_more_than_the_policy_allows():
    pages = [path for path in (CALLS / "templates").rglob("*.html") if "emails" not in path.parts]
    inline = re.compile(r"<style|<script(?! src)| style=| on[a-z]+=", re.IGNORECASE)

    assert [path.name for path in pages if inline.search(path.read_text())] == []


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_the_asynchronous_side_carries_it_too(async_client):
    assert (await async_client.get(reverse("admin:login"))).headers["Content-Security-Policy"] == POLICY
    assert "Content-Security-Policy" not in (await async_client.get("/healthz")).headers


def test_errors_that_only_a_developer_sees_keep_their_style(client, settings):
    settings.DEBUG = True

    assert "Content-Security-Policy" not in client.get("/nowhere").headers
