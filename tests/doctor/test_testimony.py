"""What the events of a call tell of the reason why its caller heard no agent."""

import pytest

from calls.doctor import testimony
from calls.models import CallEvent

OWN_FAULT = ("OpenAI has a fault of its own", "Look at https://status.openai.com and try again.")
TOLD = {
    "by its code": ({"code": "server_error", "cause": "server_error"}, OWN_FAULT),
    "without a code": ({"code": "", "cause": "server_error"}, OWN_FAULT),
    "too old": ({"code": "session_expired"}, ("the session was an hour old", "Try again: a new session is opened.")),
    "not known": (
        {"code": "strange", "cause": "request"},
        ("OpenAI refused: strange", "Correct that in the agent: admin, Agents; then ask again."),
    ),
}


@pytest.mark.parametrize(("detail", "cause"), TOLD.values(), ids=TOLD)
@pytest.mark.parametrize("kind", ["response_failed", "openai_error"])
def test_a_failed_response_is_told_by_its_code_or_by_its_cause(kind, detail, cause):
    assert testimony._cause_in(CallEvent(kind=kind, detail=detail)) == cause


def test_a_lost_line_is_told_by_its_cause():
    assert testimony._cause_in(CallEvent(kind="line_lost", detail={"cause": "server_error"})) == OWN_FAULT
