"""What the commands of one checkout know of each other: how to sign for a server without a Twilio token, where the
Realtime emulator is that `runserver` started."""

import hashlib
import hmac
from contextlib import suppress
from pathlib import Path


def auth_token(tokens: list[str], secret_key: str) -> str:
    """The token that signs an emulated call: Twilio's, else one that only this checkout can derive."""
    return tokens[0] if tokens else derived_token(secret_key)


def derived_token(secret_key: str) -> str:
    return hmac.new(secret_key.encode(), b"emulated telephone calls", hashlib.sha256).hexdigest()[:32]


def note_emulator(base: Path, realtime_url: str) -> None:
    _note(base).parent.mkdir(exist_ok=True)
    _note(base).write_text(realtime_url)


def forget_emulator(base: Path, realtime_url: str) -> None:
    """Take back the own note; one that another server has left since stays."""
    if noted_emulator(base) == realtime_url:
        _note(base).unlink(missing_ok=True)


def noted_emulator(base: Path) -> str:
    """The Realtime address that `runserver` noted; blank when it started no emulator."""
    with suppress(FileNotFoundError):
        return _note(base).read_text().strip()
    return ""


def _note(base: Path) -> Path:
    return base / "var" / "realtime-emulator.url"
