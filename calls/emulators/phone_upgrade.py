"""The upgrade as it was captured from Twilio: no Origin, no subprotocol, no extensions, signed over the wss URL."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, NegotiationError
from websockets.typing import Subprotocol

from calls.emulators.phone_http import Road

USER_AGENT = "Twilio.TmeWs/1.0"
HANDSHAKE_SECONDS = 5.0
CLOSE_SECONDS = 2.0
LARGEST_MESSAGE = 16 * 2**20


class Rejected(Exception):
    """The socket could not be opened; the text begins with Twilio's code."""

    def __init__(self, text: str, *, status: int | None = None, is_violation: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.is_violation = is_violation


class _Upgrade(connect):
    """Twilio does not follow a redirect of the upgrade."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_socket(
    road: Road, url: str, headers: Mapping[str, str], subprotocols: Sequence[str] = ()
) -> ClientConnection:
    """Connect to `url` by the given road; raises Rejected for everything but a plain 101."""
    host, port, secure = road.target()
    # Host is the public name, as behind a proxy that passes it on; the connection goes where we are told.
    uri = urlunsplit(urlsplit(url)._replace(scheme="wss" if secure else "ws"))
    try:
        return await _Upgrade(
            uri,
            host=host,
            port=port,
            compression=None,
            user_agent_header=USER_AGENT,
            additional_headers=headers,
            proxy=None,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            open_timeout=HANDSHAKE_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=None,
            max_size=LARGEST_MESSAGE,
            max_queue=None,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        raise Rejected(f"31920 handshake error: answered {status}", status=status) from error
    except NegotiationError as error:
        text = f"31920 handshake error: {error}, and none was asked for"
        raise Rejected(text, status=101, is_violation=True) from error
    except (InvalidHandshake, InvalidURI) as error:
        raise Rejected(f"31920 handshake error: {error}") from error
    except TimeoutError as error:
        raise Rejected(f"31901 connection timeout: no 101 within {HANDSHAKE_SECONDS:g} s") from error
    except OSError as error:
        raise Rejected(f"31902 connection refused: {error}") from error
