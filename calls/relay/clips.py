"""Short clips of 8 kHz mu-law that ship with the product and fill a wait."""

from base64 import b64encode
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "clips"


@cache
def payload(name: str) -> str:
    """The clip as a media payload. Raises FileNotFoundError for a name that does not ship."""
    return b64encode((FOLDER / f"{name}.ulaw").read_bytes()).decode("ascii")
