"""Short clips that fill a wait, or end a call: those that ship with the product, and the owner's in their place.

The owner's is a WAV of the same name in a folder. It is read, converted and brought to the loudness of speech when its
file is new or changed; one that cannot be used is told once, and the clip that ships is played.
"""

import logging
from base64 import b64encode
from functools import cache
from pathlib import Path

from calls.audio import BYTES_PER_MS, payload_bytes
from calls.relay import wav

FILLERS = ("one_moment", "let_me_check")
NAMES = (*FILLERS, "closing")
FOLDER = Path(__file__).parent / "clips"
MOST_BYTES = 2 << 20
logger = logging.getLogger(__name__)

_own: dict[Path, tuple[tuple[int, int], str]] = {}


@cache
def _shipped(name: str) -> str:
    return b64encode((FOLDER / f"{name}.ulaw").read_bytes()).decode("ascii")


def load(folder: Path) -> None:
    """Read what is new in the owner's folder. It takes its time: not for the thread that moves sound."""
    for name in NAMES:
        path = folder / f"{name}.wav"
        try:
            about = path.stat()
        except OSError:
            _own.pop(path, None)
            continue
        stamp = (about.st_mtime_ns, about.st_size)
        if path not in _own or _own[path][0] != stamp:
            _own[path] = stamp, ""  # looked at, whatever comes of it
            _own[path] = stamp, _loaded(path)


def payload(name: str, folder: Path | None = None) -> str:
    """The clip as a media payload: the owner's as last loaded from `folder`, else the one that ships."""
    own = _own.get(folder / f"{name}.wav") if folder else None
    return own[1] if own and own[1] else _shipped(name)


def longest_seconds(name: str) -> float:
    """How long the clip takes: ours or any that was loaded in its place, whichever is longer."""
    owners = [payload for path, (_, payload) in [*_own.items()] if path.stem == name]
    return max(payload_bytes(payload) for payload in [_shipped(name), *owners]) / (1000 * BYTES_PER_MS)


def refusal_of(path: Path) -> str:
    """Why the file cannot be a clip; empty when it can."""
    try:
        _read(path)
    except (OSError, wav.Unusable) as error:
        return str(error)
    return ""


def _loaded(path: Path) -> str:
    try:
        return b64encode(_read(path)).decode("ascii")
    except (OSError, wav.Unusable) as error:
        logger.warning("a clip cannot be used", extra={"clip": path.name, "why": str(error)})
        return ""


def _read(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise wav.Unusable(f"it is larger than {MOST_BYTES >> 20} MB")
    return wav.to_mulaw(path.read_bytes())
