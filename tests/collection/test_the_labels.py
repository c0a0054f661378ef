"""The collection is what it says: enough of everything, each with its label, nothing of it taken from the doctor."""

import ast
from pathlib import Path

from tests.collection import call_labels, calls, labels, setups

FOLDER = Path(__file__).parent
# The failures of the first prototype, as the issue lists them.
PROTOTYPE = {
    "route_not_mounted",
    "wss_in_the_voice_field",
    "subprotocol_forced",
    "router_fails_at_import",
    "no_key",
    "wrong_key",
    "quota",
    "beta_header",
    "pcm16_asked_for",
    "wrong_host_in_the_stream_address",
    "another_program_on_the_port",
    "html_instead_of_twiml",
    "wsgi_instead_of_asgi",
    "proxy_strips_the_upgrade",
    "redirect_to_a_slash",
    "server_has_another_token",
    "clock_off",
    "origin_validator",
    "blank_line_before_twiml",
    "query_on_the_stream_address",
}
# Whatever names a cause: what is labelled must not be read from there.
JUDGES = ("calls.doctor", "calls.domain.explanation", "tests.doctor")


def test_every_set_up_has_a_label_and_every_label_a_set_up():
    assert sorted(setups.BROKEN) == sorted(labels.LABELS)
    assert len(setups.BROKEN) >= 20 and len(setups.HEALTHY) >= 20
    assert labels.OF_THE_PROTOTYPE.keys() >= PROTOTYPE


def test_every_call_has_a_label_and_every_label_a_call():
    assert sorted(calls.FAULTY) == sorted(call_labels.FAULTY)
    assert len(calls.FAULTY) >= 20 and len(calls.HEALTHY_CALLS) >= 20
    assert len(set(calls.HEALTHY_CALLS)) == len(calls.HEALTHY_CALLS)


def test_set_ups_and_labels_import_nothing_of_what_they_judge():
    found = [
        f"{path.relative_to(FOLDER)}: {name}"
        for path in FOLDER.rglob("*.py")
        for name in _imported(path)
        if name.startswith(JUDGES)
    ]

    assert found == []


def test_labels_import_nothing_at_all():
    assert {name for file in ("labels.py", "call_labels.py") for name in _imported(FOLDER / file)} == {"typing"}


def _imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" if node.module != "typing" else "typing" for alias in node.names)
