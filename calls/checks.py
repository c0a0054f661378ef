"""Django's system checks: what the doctor finds in the settings, said whenever the project starts.

Warnings, also for what the doctor calls a failure: an ERROR keeps Django from starting, and a missing key must not do
that, since callers are then still led to a person. The one error is a variable that cannot be read.
`manage.py check --fail-level WARNING` makes a pipeline stop at the others; SILENCED_SYSTEM_CHECKS takes their ids.
"""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils import timezone

from calls.doctor import configuration, local
from calls.doctor.findings import FAIL, OK, WARN, Finding, hide
from calls.doctor.site import Site
from calls.models import catalog
from calls.relay import clips, wav

IDS = {
    "settings.malformed": "calls.E001",
    "settings.openai-key": "calls.W001",
    "settings.twilio-token": "calls.W002",
    "settings.public-url": "calls.W003",
    "settings.allowed-hosts": "calls.W004",
    "settings.debug": "calls.W005",
    "settings.openai-url": "calls.W006",
    "settings.twilio-account": "calls.W007",
    "settings.signature": "calls.W008",
    "settings.handover": "calls.W009",
    "settings.diagnostic-token": "calls.W010",
    "settings.email": "calls.W012",
    "settings.port": "calls.W014",
    "settings.secret-key": "calls.W015",
    "settings.apps": "calls.W016",
    "settings.append-slash": "calls.W017",
    "settings.misspelt": "calls.W018",
}
MODEL_ID = "calls.W011"
CLIPS_ID = "calls.W013"
ROUTES_ID = "calls.W019"


@register("receptionist")
def check_settings(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """One message for each setting that the doctor would complain of."""
    site = Site.from_settings(settings, serving=False)
    complaints = [finding for finding in configuration.examine(site) if finding.level in {FAIL, WARN}]
    return [_as_message(hide(finding, site.secrets)) for finding in complaints]


@register("receptionist")
def check_model(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """Will OPENAI_REALTIME_MODEL answer, and for how long? A name that is not known may be newer than this program."""
    name, today = settings.OPENAI_REALTIME_MODEL, timezone.localdate()
    if catalog.is_known_model(name):
        trouble = catalog.refusal_of_model(name, today=today) or catalog.warning_about_model(name, today=today)
    else:
        trouble = f"No Realtime model named {name} was known when this program was written."
    if not trouble:
        return []
    hint = f"Set OPENAI_REALTIME_MODEL={catalog.DEFAULT_MODEL} in .env, or clear it, then restart the server."
    return [Warning(f"OPENAI_REALTIME_MODEL: {trouble}", hint=hint, id=MODEL_ID)]


@register("receptionist")
def check_routes(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """Does every address that Twilio may ask lead to its view?"""
    finding = local.http_routes()
    if finding.level is OK:
        return []
    return [Warning(f"ROOT_URLCONF: {finding.seen}. {finding.means}", hint=finding.remedy, id=ROUTES_ID)]


@register("receptionist")
def check_clips(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """Sounds of the owner's that no caller would hear: under a name that nothing plays, or not to be used."""
    folder = settings.DATA_DIR / "clips"
    names = [f"{name}.wav" for name in clips.NAMES]
    hint = f"Record a WAV of at most {wav.LONGEST_MS // 1000} s as one of: {', '.join(names)}."
    troubles = [f"{path}: nothing plays it" for path in sorted(folder.glob("*")) if path.name not in names]
    for path in (folder / name for name in names):
        if path.is_file() and (why := clips.refusal_of(path)):
            troubles.append(f"{path} cannot be used: {why}. What ships is played instead")
    return [Warning(f"{trouble}.", hint=hint, id=CLIPS_ID) for trouble in troubles]


def _as_message(finding: Finding) -> CheckMessage:
    kind = Error if finding.id == "settings.malformed" else Warning
    return kind(f"{finding.title}: {finding.seen}. {finding.means}", hint=finding.remedy, id=IDS[finding.id])
