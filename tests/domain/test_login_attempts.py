"""Guessing a password is slow, and does not keep the owner out."""

from datetime import timedelta

import pytest

from calls.domain import login_attempts
from calls.models import LoginBucket
from tests import factories

pytestmark = pytest.mark.django_db

NOW = factories.RANG_AT
MINUTE = timedelta(minutes=1)
NONE = timedelta()


def take(name="owner", address="203.0.113.7", now=NOW):
    return login_attempts.take_attempt(name=name, address=address, now=now)


def test_ten_attempts_at_one_address_and_then_one_a_minute():
    waits = [take() for _ in range(12)]

    assert waits == [NONE] * 10 + [MINUTE] * 2
    assert [take(now=NOW + 59 * timedelta(seconds=1)), take(now=NOW + MINUTE), take(now=NOW + MINUTE)] == [
        timedelta(seconds=1),
        NONE,
        MINUTE,
    ]


def test_all_attempts_are_back_after_ten_minutes():
    for _ in range(10):
        take()

    assert [take(now=NOW + 10 * MINUTE) for _ in range(11)] == [NONE] * 10 + [MINUTE]


def test_one_address_may_not_try_many_names():
    waits = [take(name=f"name{number}") for number in range(21)]

    assert waits == [NONE] * 20 + [MINUTE]


def test_one_name_may_not_be_tried_from_many_addresses():
    waits = [take(address=f"203.0.113.{number}") for number in range(51)]

    assert waits == [NONE] * 50 + [MINUTE]


def test_the_owner_gets_in_from_a_known_address_while_strangers_guess_on():
    login_attempts.note_success(name="owner", address="198.51.100.1", now=NOW - timedelta(days=30))
    for number in range(60):
        take(address=f"203.0.113.{number}")

    assert (take(address="198.51.100.1"), take(address="198.51.100.2")) == (NONE, MINUTE)


def test_an_address_is_known_for_ninety_days():
    login_attempts.note_success(name="owner", address="198.51.100.1", now=NOW - timedelta(days=91))
    for number in range(60):
        take(address=f"203.0.113.{number}")

    assert take(address="198.51.100.1") == MINUTE


def test_the_right_password_gives_back_what_the_wrong_ones_took():
    for _ in range(9):
        take()
    login_attempts.note_success(name="owner", address="203.0.113.7", now=NOW)

    assert [take() for _ in range(10)] == [NONE] * 10


def test_a_name_is_one_name_however_it_is_written_and_a_network_one_address():
    for number in range(10):
        take(name=" OWNER" if number % 2 else "owner", address=f"2001:db8::{number}")

    assert (take(address="2001:db8::ffff"), take(address="2001:db8:0:1::")) == (MINUTE, NONE)


def test_nothing_that_was_typed_is_kept_and_what_is_over_is_forgotten():
    take(name="my secret password")
    kept = [*LoginBucket.objects.values_list("key", flat=True)]
    take(name="other", now=NOW + timedelta(days=1))

    assert (len(kept), [len(key) for key in kept]) == (3, [64] * 3)
    assert LoginBucket.objects.filter(key__in=kept).count() == 1  # the address, which has tried again
