"""Pages of the admin may load nothing but their own files."""

import pytest
from django.urls import reverse

from calls.admin.policy import POLICY

MIDDLEWARE = "calls.admin.policy.content_security_policy"


@pytest.fixture(autouse=True)
def policy(settings):
    settings.MIDDLEWARE = [*(name for name in settings.MIDDLEWARE if name != MIDDLEWARE), MIDDLEWARE]


def test_a_page_of_the_admin_carries_the_policy(client, db):
    assert client.get(reverse("admin:login")).headers["Content-Security-Policy"] == POLICY


def test_nothing_else_does(client):
    assert "Content-Security-Policy" not in client.get("/nowhere").headers


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_the_asynchronous_side_carries_it_too(async_client):
    assert (await async_client.get(reverse("admin:login"))).headers["Content-Security-Policy"] == POLICY
    assert "Content-Security-Policy" not in (await async_client.get("/nowhere")).headers
