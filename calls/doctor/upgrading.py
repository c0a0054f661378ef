"""Try the WebSocket upgrade as Twilio does it, and find out why it is refused.

Twilio sends no Origin, no subprotocol and no extension; its signature covers the wss address of the TwiML.
"""

from calls.doctor import causes
from calls.doctor.caller import SOCKET_AGENT, signature
from calls.doctor.causes import Cause
from calls.doctor.exchange import Refused, Unreachable, WrongSubprotocol, upgraded
from calls.doctor.visit import Visit, is_ours
from calls.twilio import addresses

SUBPROTOCOL = "audio.twilio.com"
Failure = Unreachable | Refused | WrongSubprotocol

_NO_VALIDATOR = (
    "Take the Origin validator away from around the stream's route in voiceagent/asgi.py, and restart the server."
)
_ACCEPT = "In calls/consumers.py, accept() with a subprotocol only when that one was offered."


async def failure(
    visit: Visit, url: str, *, subprotocol: str | None = None, origin: str | None = None, seconds: float = 3
) -> Failure | None:
    """What keeps the socket from opening; None when it opened (it is closed again at once)."""
    headers = signature(visit.site, addresses.stream_url(visit.site.public_base_url), {})
    offered = [subprotocol] if subprotocol else None
    try:
        async with upgraded(
            url, headers=headers, user_agent=SOCKET_AGENT, subprotocols=offered, origin=origin, seconds=seconds
        ):
            return None
    except (Unreachable, Refused, WrongSubprotocol) as error:
        return error


async def why(visit: Visit, url: str, failed: Failure, *, was_offered: bool = False) -> Cause:
    """The cause of a failure at the public address, with a second attempt where only that can tell.

    `was_offered`: the subprotocol stood in the attempt that failed, so that one with it would tell nothing new.
    """
    match failed:
        case WrongSubprotocol():
            return Cause(f"{url}: accepted with a subprotocol that nobody offered", _ACCEPT)
        case Unreachable(kind="timeout" | "protocol") if not was_offered and await _opens_when_offered(visit, url):
            return Cause(f"{url}: accepted only when {SUBPROTOCOL} is offered, which Twilio never does", _ACCEPT)
        case Unreachable():
            return causes.of_silence(failed, url)
        case Refused():
            return await _why_refused(visit, url, failed)


async def _opens_when_offered(visit: Visit, url: str) -> bool:
    return await failure(visit, url, subprotocol=SUBPROTOCOL) is None


async def _why_refused(visit: Visit, url: str, failed: Refused) -> Cause:
    answer, base = failed.answer, visit.site.public_base_url
    if answer.status == 403 and await failure(visit, url, origin=base) is None:
        return Cause(f"{url}: answered 403 because Twilio sends no Origin; with an Origin it opens", _NO_VALIDATOR)
    ours = await is_ours(base)
    if answer.status == 403 and ours and addresses.STREAM_REFUSAL in answer.text:
        seen = f"{url}: answered 403 by this program, which accepts the webhook's signature: another path or token"
        return Cause(seen, "Look at the finding routes, and in the server's log for: stream refused at the door")
    if answer.status == 403 and ours:
        seen = f"{url}: answered 403 before this program looked at it, as an Origin validator does: Twilio sends none"
        return Cause(seen, _NO_VALIDATOR)
    if answer.status == 500 and ours:
        seen = f"{url}: the server failed (500): no such WebSocket route, or an error while connecting"
        return Cause(seen, "Add the route to calls/routing.py, or read the server's log; then restart it.")
    if answer.status in {200, 404, 426} and ours:
        return _no_upgrade(visit, url, answer.status)
    return causes.of_answer(answer, url, is_ours=ours)


def _no_upgrade(visit: Visit, url: str, status: int) -> Cause:
    if visit.takes_sockets:
        seen = f"{url}: answered {status} as a plain page: the proxy takes the upgrade away"
        return Cause(seen, "Let the proxy pass the headers Upgrade and Connection on (nginx: proxy_http_version 1.1).")
    seen = f"{url}: answered {status} as a plain page: no ASGI server, or a proxy that takes the upgrade away"
    return Cause(seen, "Start the server with: python manage.py serve")
