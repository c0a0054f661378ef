from pathlib import Path

import pytest

from calls.realtime import reasons
from calls.realtime.reasons import RULES, Course, Reason, Scope


def test_every_reason_has_its_rule():
    assert list(RULES) == list(Reason)


@pytest.mark.parametrize(
    ("code", "why", "reason"),
    [
        (3000, "invalid_request_error.invalid_api_key", Reason.BAD_KEY),
        (3000, "invalid_request_error", Reason.BAD_KEY),
        (4000, "invalid_request_error.missing_model", Reason.MODEL),
        (4000, "invalid_request_error.invalid_model", Reason.MODEL),
        (4004, "invalid_request_error.model_not_found", Reason.MODEL),
        (4000, "invalid_request_error.beta_api_shape_disabled", Reason.BETA),
        (1001, "Your session hit the maximum duration of 60 minutes.", Reason.EXPIRED),
        (1000, "", Reason.CLOSED),
        (1001, "", Reason.CLOSED),
        (1006, "", Reason.CUT),
        (0, "", Reason.CUT),
        (1011, "internal", Reason.SERVER_ERROR),
        (1012, "", Reason.RESTARTING),
        (1013, "", Reason.RESTARTING),
        (4999, "new", Reason.CLOSED),
    ],
)
def test_close_tells_its_reason(code, why, reason):
    assert reasons.of_close(code, why) is reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("invalid_api_key", Reason.BAD_KEY),
        ("insufficient_quota", Reason.QUOTA),
        ("billing_hard_limit_reached", Reason.QUOTA),
        ("account_deactivated", Reason.ACCOUNT),
        ("session_expired", Reason.EXPIRED),
        ("rate_limit_exceeded", Reason.RATE_LIMIT),
        ("inference_rate_limit_exceeded", Reason.RATE_LIMIT),
        ("server_error", Reason.SERVER_ERROR),
        ("unknown_parameter", Reason.BAD_SESSION),
        ("conversation_already_has_active_response", Reason.REQUEST),
        ("response_cancel_not_active", Reason.REQUEST),
        ("never seen before", Reason.REQUEST),
        ("", Reason.REQUEST),
    ],
)
def test_error_tells_its_reason(code, reason):
    assert reasons.of_code(code) is reason


def test_missing_key_is_told_by_words_alone():
    for code in ("", "invalid_request_error"):
        assert reasons.of_code(code, "Missing bearer or basic authentication in header") is Reason.NO_KEY


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, Reason.BAD_KEY),
        (403, Reason.FORBIDDEN),
        (404, Reason.MODEL),
        (429, Reason.RATE_LIMIT),
        (500, Reason.SERVER_ERROR),
        (503, Reason.SERVER_ERROR),
        (301, Reason.NOT_REALTIME),
    ],
)
def test_http_status_tells_its_reason(status, reason):
    assert reasons.of_status(status) is reason


def test_what_no_second_try_mends_is_not_tried_again_and_concerns_others():
    fatal = [reason for reason in Reason if reasons.is_fatal(reason)]

    assert [reason for reason in fatal if RULES[reason].waits or RULES[reason].scope is None] == []
    assert [reason for reason in fatal if RULES[reason].scope is Scope.MODEL] == [Reason.MODEL]


def test_waiting_grows_and_ends_within_the_time_that_a_caller_waits():
    waits = [reasons.waiting(Reason.SERVER_ERROR, tries=tries, jitter=0.5) for tries in (1, 2, 3)]
    longest = max(sum(rule.waits) * 1.5 for rule in RULES.values())

    assert waits == [0.3, 1.0, None]
    assert longest < 2.0
    assert reasons.waiting(Reason.BAD_KEY, tries=1, jitter=0.5) is None


def test_jitter_spreads_the_tries():
    assert reasons.waiting(Reason.RATE_LIMIT, tries=1, jitter=0.0) == 0.5
    assert reasons.waiting(Reason.RATE_LIMIT, tries=1, jitter=1.0) == 1.5


def test_refused_requests_end_nothing():
    assert {r for r in Reason if RULES[r].course is Course.IGNORE} == {Reason.BAD_SESSION, Reason.REQUEST}


def test_documents_hold_the_table_as_it_is():
    concerns = {None: "nobody", Scope.ACCOUNT: "the key", Scope.MODEL: "the model"}
    rows = [
        f"| `{reason}` | {rule.meaning} | {rule.course.name.lower()} | "
        f"{', '.join(f'{wait:g} s' for wait in rule.waits) or '–'} | {concerns[rule.scope]} |"
        for reason, rule in RULES.items()
    ]

    assert "\n".join(rows) in (Path(__file__).parents[2] / "docs/architecture.md").read_text()
