import pytest

from calls.realtime.reasons import Reason
from calls.relay import breaker
from calls.relay.breaker import FAILURES, FATAL_SECONDS, PASSING_SECONDS, TRIAL_SECONDS, Address, Breaker

ONE = Address("wss://one/v1/realtime", "sk-1", "gpt-realtime-2.1")


def test_bad_key_costs_one_failed_call():
    assert breaker.enter(ONE, 0.0) is None
    breaker.failed(ONE, Reason.BAD_KEY, 0.1)

    assert [breaker.enter(ONE, now) for now in (0.2, 1.0, 29.0)] == [Reason.BAD_KEY] * 3
    assert breaker.refusal(ONE.url, ONE.key, 29.0) is Reason.BAD_KEY


def test_other_keys_and_addresses_are_not_concerned():
    breaker.failed(ONE, Reason.QUOTA, 0.0)

    assert breaker.enter(Address(ONE.url, "sk-2", ONE.model), 1.0) is None
    assert breaker.enter(Address("wss://two/v1/realtime", ONE.key, ONE.model), 1.0) is None
    assert breaker.enter(Address(ONE.url, ONE.key, "another-model"), 1.0) is Reason.QUOTA


def test_model_that_does_not_exist_concerns_its_own_calls_alone():
    breaker.failed(ONE, Reason.MODEL, 0.0)

    assert breaker.enter(ONE, 1.0) is Reason.MODEL
    assert breaker.enter(Address(ONE.url, ONE.key, "another-model"), 1.0) is None
    assert breaker.refusal(ONE.url, ONE.key, 1.0) is None
    assert breaker.refused_models(ONE.url, ONE.key, 1.0) == {ONE.model}
    assert breaker.refused_models(ONE.url, ONE.key, FATAL_SECONDS) == set()


def test_passing_failures_open_only_when_several_come_in_a_short_while():
    one = Breaker()
    for number in range(FAILURES - 1):
        one.failed(Reason.TIMEOUT, number * 1.0)
    assert one.refusal(3.0) is None

    one.failed(Reason.TIMEOUT, 4.0)
    assert one.refusal(4.0 + PASSING_SECONDS - 0.1) is Reason.TIMEOUT
    assert one.refusal(4.0 + PASSING_SECONDS) is None


def test_passing_failures_far_apart_are_forgotten():
    one = Breaker()
    for number in range(10):
        one.failed(Reason.TIMEOUT, number * 11.0)

    assert one.refusal(99.0) is None


def test_one_call_tries_when_the_time_is_over_and_decides_for_all():
    one = Breaker()
    one.failed(Reason.BAD_KEY, 0.0)

    assert one.enter(FATAL_SECONDS) is None
    assert one.enter(FATAL_SECONDS + 0.1) is Reason.BAD_KEY
    assert one.refusal(FATAL_SECONDS + 0.1) is Reason.BAD_KEY
    one.succeeded(speaks=False)
    assert [one.enter(FATAL_SECONDS + 0.2), one.enter(FATAL_SECONDS + 0.3)] == [None, None]


def test_trial_that_fails_opens_again():
    one = Breaker()
    one.failed(Reason.BAD_KEY, 0.0)
    one.enter(30.0)
    one.failed(Reason.TIMEOUT, 31.0)  # even for a reason that passes

    assert one.refusal(31.0 + PASSING_SECONDS - 0.1) is Reason.TIMEOUT
    assert one.enter(31.0 + PASSING_SECONDS) is None


def test_trial_that_never_ends_does_not_hold_up_the_others_for_ever():
    one = Breaker()
    one.failed(Reason.BAD_KEY, 0.0)
    one.enter(30.0)

    assert one.enter(30.0 + TRIAL_SECONDS) is None


def test_account_without_credit_is_well_again_only_when_a_session_speaks():
    one = Breaker()
    one.failed(Reason.QUOTA, 0.0)
    one.enter(30.0)
    one.succeeded(speaks=False)
    assert one.refusal(30.5) is Reason.QUOTA

    one.succeeded(speaks=True)
    assert one.refusal(30.5) is None


def test_looking_is_no_trial():
    one = Breaker()
    one.failed(Reason.BAD_KEY, 0.0)

    assert [one.refusal(30.0), one.refusal(30.0), one.enter(30.0)] == [None, None, None]


@pytest.mark.parametrize(("wanted", "seconds"), [(20.0, 20.0), (3.0, PASSING_SECONDS), (9999.0, 120.0)])
def test_how_long_the_other_side_wants_to_be_left_alone_is_kept(wanted, seconds):
    one = Breaker()
    one.failed(Reason.RATE_LIMIT, 0.0, retry_after=wanted)

    assert (one.refusal(seconds - 0.1), one.refusal(seconds)) == (Reason.RATE_LIMIT, None)


@pytest.mark.parametrize("reason", [Reason.EXPIRED, Reason.REQUEST, Reason.BAD_SESSION])
def test_what_concerns_one_session_never_opens(reason):
    for now in range(20):
        breaker.failed(ONE, reason, now)

    assert breaker.enter(ONE, 20.0) is None


def test_key_never_shows():
    assert "sk-1" not in repr(ONE)
