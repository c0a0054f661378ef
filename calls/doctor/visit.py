"""What one diagnosis has found out so far, for the checks that come later."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from calls.doctor.caller import TestCall
from calls.doctor.document import Document
from calls.doctor.exchange import Unreachable, request
from calls.doctor.site import Site
from calls.realtime.session import SessionSettings


@dataclass(slots=True)
class Visit:
    site: Site
    has_silent_database: bool = False
    """Nobody need wait for it once more, nor take its silence for somebody else's."""
    line_number: str = ""
    """A line of ours that an agent answers."""
    session: SessionSettings | None = None
    """What a call to that line asks of OpenAI."""
    local_instance: str = ""
    """The instance id of the server at the local port."""
    takes_sockets: bool | None = None
    """Whether the local server answers WebSocket upgrades; None when that could not be asked."""
    kept_greeting: bytes = b""
    """How the agent of that line greets, where that is kept as sound; mu-law of 8 kHz."""
    call: TestCall | None = None
    document: Document | None = None


async def instance_at(base_url: str, *, seconds: float = 4, is_verified: bool = True) -> str:
    """The instance id of the server of this product at `base_url`; "" when something else answers there.

    Raises Unreachable when nothing does.
    """
    answer = await request(f"{base_url}/healthz", seconds=seconds, is_verified=is_verified)
    return answer.json_field("instance") if answer.status == 200 else ""


async def is_ours(base_url: str) -> bool:
    try:
        return bool(await instance_at(base_url, seconds=2))
    except Unreachable:
        return False


def is_web_address(url: str) -> bool:
    """True for what can be asked at all: http or https, a host, and a port that is a number."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
