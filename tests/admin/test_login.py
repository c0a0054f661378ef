"""The login page of the admin."""

import pytest
from django.urls import reverse

from calls.admin.login import address_of
from tests import factories

pytestmark = pytest.mark.django_db

WRONG = "Please enter the correct username and password for a staff account."


def log_in(client, password, username="owner", **headers):
    """What the page says, or "in"."""
    response = client.post(
        reverse("admin:login"), {"username": username, "password": password}, REMOTE_ADDR="203.0.113.7", **headers
    )
    if response.status_code == 302:
        client.logout()
        return "in"
    return response.context["form"].non_field_errors()[0]


def test_twenty_wrong_passwords_keep_the_right_one_out_until_attempts_are_back(client, time_machine):
    factories.make_superuser(username="owner")
    time_machine.move_to("2026-11-20T12:00:00Z", tick=False)

    wrong = [log_in(client, "guess") for _ in range(20)]
    locked = log_in(client, "correct horse")
    time_machine.move_to("2026-11-20T12:01:00Z", tick=False)

    assert [said.startswith(WRONG[:20]) for said in wrong] == [True] * 10 + [False] * 10
    assert locked == "Too many attempts. Try again in 1 min."
    assert log_in(client, "correct horse") == "in"


def test_the_owner_gets_in_as_often_as_they_like(client):
    factories.make_superuser(username="owner")

    assert {log_in(client, "correct horse") for _ in range(30)} == {"in"}


def test_what_is_locked_is_logged_without_the_name(client, caplog):
    for _ in range(11):
        log_in(client, "guess", username="canary-name")

    assert [record.getMessage() for record in caplog.records] == ["too many failed logins"]
    assert "canary" not in caplog.text


def test_the_page_without_a_name_is_refused_as_before(client):
    response = client.post(reverse("admin:login"), {"username": "", "password": ""})

    assert response.context["form"].errors == {
        "username": ["This field is required."],
        "password": ["This field is required."],
    }


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("93.184.216.34", "198.51.100.1", "93.184.216.34"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, <script>", "127.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
    ids=["plain", "a claim", "a proxy here", "a claim before a proxy", "no header", "no address", "a socket"],
)
def test_only_a_proxy_of_ours_is_believed(peer, forwarded, address):
    assert address_of({"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})) == address
