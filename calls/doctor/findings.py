"""What the doctor says: a finding names what was seen, what a caller notices of it, and the remedy."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import quote

_KEY = re.compile(r"\bsk-[\w*-]{6,}")
_SHORTEST_SECRET = 4
MASK = "•••"


class Level(StrEnum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"
    SKIPPED = "SKIPPED"


OK, WARN, FAIL, SKIPPED = Level


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a diagnosis. A `remedy` is something to type or to click; both it and `means` are blank when well."""

    id: str
    level: Level
    title: str
    seen: str
    means: str = ""
    remedy: str = ""
    ms: int = 0

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Finding":
        """One that was kept, perhaps by an older or newer version of this program: unknown fields are passed over."""
        known = {name: fields[name] for name in cls.__dataclass_fields__ if name in fields}
        return cls(**known | {"level": Level(known["level"])})


class Saying(Protocol):
    def __call__(self, level: Level, seen: str, means: str = "", remedy: str = "") -> Finding: ...


def saying(id: str, title: str) -> Saying:
    """A maker of findings that share an id and a title."""

    def said(level: Level, seen: str, means: str = "", remedy: str = "") -> Finding:
        return Finding(id, level, title, seen, means, remedy)

    return said


def exit_code(findings: Iterable[Finding]) -> int:
    """0 all well, 1 warnings, 2 failures. What was skipped says nothing either way: its reason is a finding itself."""
    levels = {finding.level for finding in findings}
    return 2 if FAIL in levels else 1 if WARN in levels else 0


def troubles(findings: Iterable[Finding]) -> list[Finding]:
    """What has to be seen to, failures first, otherwise as found."""
    return sorted((one for one in findings if one.level in {FAIL, WARN}), key=lambda one: one.level is not FAIL)


def counted(findings: Iterable[Finding]) -> str:
    """`3 well, 1 failed`; of nothing, nothing."""
    levels = [finding.level for finding in findings]
    words = {OK: "well", WARN: "to look at", FAIL: "failed", SKIPPED: "skipped"}
    return ", ".join(f"{levels.count(level)} {word}" for level, word in words.items() if level in levels)


def summary(findings: Iterable[Finding]) -> str:
    """How many of each, and where to begin."""
    findings = list(findings)
    worst = next((one for level in (FAIL, WARN) for one in findings if one.level is level), None)
    return f"{counted(findings) or 'nothing checked'}." + (f" Begin with {worst.id}: {worst.remedy}" if worst else "")


def hide(finding: Finding, secrets: Iterable[str]) -> Finding:
    """The finding without any of `secrets`, as they are or as they stand in an address, and without OpenAI keys."""
    secrets = list(secrets)
    seen, means, remedy = (hidden(text, secrets) for text in (finding.seen, finding.means, finding.remedy))
    return replace(finding, seen=seen, means=means, remedy=remedy)


def hidden(text: str, secrets: Iterable[str]) -> str:
    """The text without any of `secrets`, and without OpenAI keys, and such that it can be written and kept: half a
    character, which the JSON of others may hold, becomes a question mark, and so does a NUL."""
    text = text.encode("utf-8", "replace").decode().replace("\0", "?")
    forms = {form for secret in secrets for form in (secret, quote(secret, safe="")) if len(form) >= _SHORTEST_SECRET}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return _KEY.sub(MASK, text)
