"""System checks: the doctor's complaints about the settings, as warnings that stop nothing."""

import re
from pathlib import Path

import pytest
from django.core import checks as django_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from calls import checks
from calls.doctor import configuration, local
from calls.doctor.site import Site
from tests.relay.test_wav import recorded

GOOD = {
    "PUBLIC_BASE_URL": "https://calls.cedarplumbing.com",
    "ALLOWED_HOSTS": ["calls.cedarplumbing.com"],
    "DEBUG": False,
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",
    "PORT": 8000,
    "APPEND_SLASH": False,
    "MALFORMED": {},
    "MISSPELT": {},
    "OPENAI_API_KEY": "sk-proj-0123456789abcdefghij",
    "OPENAI_REALTIME_URL": "wss://api.openai.com/v1/realtime",
    "OPENAI_REALTIME_MODEL": "gpt-realtime-2.1",
    "TWILIO_AUTH_TOKENS": ["0123456789abcdef0123456789abcdef"],
    "TWILIO_SHARED_KEYS": {},
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_SIGNATURE": "enforce",
    "HANDOVER_NUMBER": "",
    "DIAGNOSTIC_TOKEN": "",
}


@pytest.fixture
def configure(settings):
    def change(**values):
        for name, value in (GOOD | values).items():
            setattr(settings, name, value)

    return change


def found():
    return django_checks.run_checks(tags=["receptionist"])


def test_a_complete_set_of_settings_has_nothing_to_say(configure):
    configure()

    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "id"),
    [
        ("OPENAI_API_KEY", "", "calls.W001"),
        ("TWILIO_AUTH_TOKENS", [], "calls.W002"),
        ("PUBLIC_BASE_URL", "wss://calls.cedarplumbing.com", "calls.W003"),
        ("ALLOWED_HOSTS", ["*"], "calls.W004"),
        ("DEBUG", True, "calls.W005"),
        ("OPENAI_REALTIME_URL", "ws://127.0.0.1:9/v1/realtime", "calls.W006"),
        ("TWILIO_ACCOUNT_SID", "SK123", "calls.W007"),
        ("TWILIO_SIGNATURE", "log", "calls.W008"),
        ("HANDOVER_NUMBER", "555 0100", "calls.W009"),
        ("DIAGNOSTIC_TOKEN", "short", "calls.W010"),
        ("OPENAI_REALTIME_MODEL", "gpt-4o-realtime-preview", "calls.W011"),
        ("PORT", 80000, "calls.W014"),
        ("SECRET_KEY", "short", "calls.W015"),
        ("APPEND_SLASH", True, "calls.W017"),
        ("MISSPELT", {"OPENAI_API_KEY": "OPENAI_KEY"}, "calls.W018"),
    ],
)
def test_each_wrong_setting_is_one_warning_that_names_it_and_the_remedy(configure, name, value, id):
    configure(**{name: value})

    (warning,) = found()

    assert (warning.id, warning.level) == (id, django_checks.WARNING)
    assert warning.hint
    setting = {"TWILIO_AUTH_TOKENS": "TWILIO_AUTH_TOKEN", "MISSPELT": "ENV_FILE"}.get(name, name)
    assert warning.msg.startswith(f"{setting}: ")


def test_a_variable_that_cannot_be_read_is_an_error_that_no_server_starts_with(configure):
    configure(MALFORMED={"PORT": "a number"})

    with pytest.raises(SystemCheckError, match=r"calls\.E001\) ENV_FILE: PORT wants a number\."):
        call_command("check")


def test_letters_that_become_files_are_a_warning(configure):
    configure(EMAIL_BACKEND="calls.mail.FolderBackend", EMAIL_FILE_PATH="/srv/letters")

    (warning,) = found()

    assert (warning.id, warning.msg) == (
        "calls.W012",
        "EMAIL_URL: letters become files in /srv/letters. Callers are told that a letter is on its way, and it reaches "
        "nobody.",
    )


def test_every_complaint_of_the_doctor_has_an_id_of_its_own():
    assert [*checks.IDS] == sorted(checks.IDS, key=checks.IDS.get)
    assert {finding.id for finding in configuration.examine(Site())} == {*checks.IDS}
    others = {checks.MODEL_ID, checks.CLIPS_ID, checks.ROUTES_ID}
    assert len({*checks.IDS.values(), *others}) == len(checks.IDS) + 3


def test_every_id_is_explained_in_the_documentation_in_the_order_of_the_ids():
    page = (Path(__file__).resolve().parents[1] / "docs" / "configuration.md").read_text()
    explained = re.findall(r"^\| `(calls\.[EW]\d+)` \| `(\w+)` \| \S", page, re.MULTILINE)
    titles = {checks.IDS[finding.id]: finding.title for finding in configuration.examine(Site())}

    others = {checks.MODEL_ID: "OPENAI_REALTIME_MODEL", checks.ROUTES_ID: "ROOT_URLCONF"}
    assert explained == sorted((titles | others).items())


def test_a_missing_key_is_said_and_stops_nothing(configure, capsys):
    configure(OPENAI_API_KEY="")

    call_command("check")

    assert capsys.readouterr().err == (
        "System check identified some issues:\n\n"
        "WARNINGS:\n"
        "?: (calls.W001) OPENAI_API_KEY: not set. No agent can speak: callers are handed over at once, or when OpenAI "
        "refuses.\n"
        "\tHINT: Make a key at https://platform.openai.com/api-keys, set OPENAI_API_KEY in .env, then restart the "
        "server.\n\n"
        "System check identified 1 issue (0 silenced).\n"
    )


def test_a_model_about_to_be_shut_down_is_said_with_its_successor(configure, time_machine):
    time_machine.move_to("2026-11-20T12:00:00Z")
    configure(OPENAI_REALTIME_MODEL="gpt-realtime-mini")

    assert [warning.msg for warning in found()] == [
        "OPENAI_REALTIME_MODEL: gpt-realtime-mini will be shut down on 2027-01-20; from then on calls would fail. "
        "Change to gpt-realtime-2.1-mini before."
    ]


def test_a_model_that_may_be_newer_than_this_program_is_only_said_to_be_unknown(configure):
    configure(OPENAI_REALTIME_MODEL="gpt-realtime-9")

    assert [warning.msg for warning in found()] == [
        "OPENAI_REALTIME_MODEL: No Realtime model named gpt-realtime-9 was known when this program was written."
    ]


def test_no_secret_stands_in_a_warning(configure):
    configure(PUBLIC_BASE_URL="https://someone:hidden-word@calls.cedarplumbing.com")

    assert "hidden-word" not in "".join(str(warning) for warning in found())


def test_a_clip_that_no_caller_would_hear_is_told(configure, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "one_moment.wav").write_bytes(b"noise")
    (folder / "let_me_check.wav").write_bytes(recorded())
    (folder / "hold_on.wav").write_bytes(recorded())
    configure(DATA_DIR=tmp_path)

    hint = "Record a WAV of at most 5 s as one of: one_moment.wav, let_me_check.wav, closing.wav."
    assert [(warning.id, warning.msg, warning.hint) for warning in found()] == [
        ("calls.W013", f"{folder / 'hold_on.wav'}: nothing plays it.", hint),
        (
            "calls.W013",
            f"{folder / 'one_moment.wav'} cannot be used: it is no WAV file of PCM. What ships is played instead.",
            hint,
        ),
    ]


def test_addresses_that_are_not_mounted_are_told(configure, monkeypatch):
    configure()
    monkeypatch.setattr(local, "HTTP_ROUTES", {"/twilio/voice": "twilio-voice", "/twilio/choice": "twilio-choice"})

    (warning,) = found()

    assert (warning.id, warning.msg) == (
        "calls.W019",
        "ROOT_URLCONF: not mounted: /twilio/choice. Twilio gets 404; the caller hears an apology.",
    )
