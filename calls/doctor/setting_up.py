"""Point a number at Twilio to this server: what would change, and doing it."""

from dataclasses import dataclass, field
from typing import Any

from calls.doctor import voice_fields
from calls.doctor.account import client_of, missing_credentials
from calls.doctor.configuration import examine
from calls.doctor.findings import FAIL, hide
from calls.doctor.site import Site
from calls.doctor.voice_fields import Change
from calls.twilio import rest

DONE, DIFFERS, IMPOSSIBLE = 0, 1, 2
"""Exit codes: it is as it should be; a dry run found a difference; nothing could be done."""


class Impossible(Exception):
    """Nothing was changed; the message says why, and what to do."""

    heading = "Nothing was changed"


class Uncertain(Impossible):
    """Twilio was told, and did not say whether it was done."""

    heading = "Whether it was done is not known"


@dataclass(frozen=True, slots=True)
class Outcome:
    number: str
    changes: list[Change]
    is_done: bool
    kept_fallback: str = ""
    """Where a fallback leads that is left alone, since it is on another host."""
    remaining: list[Change] = field(default_factory=list)
    """What Twilio still has otherwise after it took the change."""

    @property
    def exit_code(self) -> int:
        if self.remaining:
            return IMPOSSIBLE
        return DIFFERS if self.changes and not self.is_done else DONE

    def as_dict(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "changes": [_shown(change) for change in self.changes],
            "changed": bool(self.changes) and self.is_done,
            "kept_fallback": self.kept_fallback,
            "remaining": [_shown(change) for change in self.remaining],
            "exit": self.exit_code,
        }


def set_up(site: Site, number: str, *, fallback: str = "", dry_run: bool = False) -> Outcome:
    """Set the voice fields of `number` for this server. `fallback`: a TwiML Bin that is entered for the line.

    Raises Impossible. Blocks for as long as Twilio takes, several seconds at most.
    """
    base = _usable_base(site)
    if missing := missing_credentials(site):
        raise Impossible(f"{missing} is not set. Copy it from https://console.twilio.com into .env.")
    client = client_of(site)
    try:
        return _compared_and_set(client, number, base, fallback, dry_run=dry_run)
    finally:
        client.close()


def _compared_and_set(client: rest.Client, number: str, base: str, fallback: str, *, dry_run: bool) -> Outcome:
    try:
        found = _find(client, number)
    except rest.Failed as error:
        raise Impossible(f"{error}. Look at the finding: python manage.py doctor --only twilio") from error
    wanted = voice_fields.wanted(found, base, elsewhere=fallback)
    changes = voice_fields.changes(found, wanted)
    kept = voice_fields.shown(found.fallback_url) if voice_fields.keeps_its_fallback(found, base) else ""
    if dry_run or not changes:
        return Outcome(number, changes, is_done=not dry_run, kept_fallback=kept)
    try:
        after = client.configure_number(found.sid, {change.field: change.wanted for change in changes})
    except rest.Unclear as error:
        raise Uncertain(f"{error}. Ask again with --dry-run.") from error
    except rest.Failed as error:
        raise Impossible(f"{error}. Look at https://console.twilio.com, Phone Numbers.") from error
    return Outcome(number, changes, True, kept, voice_fields.changes(after, wanted))


def _usable_base(site: Site) -> str:
    finding = next(one for one in examine(site) if one.id == "settings.public-url")
    if finding.level is FAIL:
        finding = hide(finding, site.secrets)
        raise Impossible(f"PUBLIC_BASE_URL is not usable: {finding.seen}. {finding.remedy}")
    return site.public_base_url


def _find(client: rest.Client, number: str) -> rest.Number:
    found = next((one for one in client.numbers(number) if one.number == number), None)
    if found is None:
        raise Impossible(f"{number} is not a number of this account. Its numbers: {_listed(client)}.")
    if found.trunk_sid:
        raise Impossible(
            f"{number} belongs to a SIP trunk, and its voice field is ignored. Take it out of the trunk: "
            "https://console.twilio.com, Elastic SIP Trunking, Numbers."
        )
    if not found.takes_calls:
        raise Impossible(f"{number} takes messages only. Get a number with voice at https://console.twilio.com.")
    return found


def _listed(client: rest.Client) -> str:
    numbers = [one.number for one in client.numbers()]
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return (", ".join(numbers[:5]) or "none") + more


def _shown(change: Change) -> dict[str, str]:
    return {"field": change.field, "current": in_words(change.current), "wanted": in_words(change.wanted)}


def in_words(value: str) -> str:
    return voice_fields.shown(value) if ":" in value or not value else value
