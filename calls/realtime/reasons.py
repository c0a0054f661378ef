"""Why connecting to OpenAI or a session of it ended, as one word each, and what follows from it.

OpenAI opens the socket for everybody and judges key and model afterwards, in an `error` event and in the close that
comes with it. The same word comes out of an HTTP status, a close code and an error code, so that whoever decides asks
one table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto


class Course(Enum):
    FATAL = auto()
    """No second try mends it: the call is handed over, and others do not even try for a while."""
    RETRY = auto()
    """It may have passed by the next try."""
    IGNORE = auto()
    """One request of ours came to nothing; the session goes on."""


class Scope(Enum):
    """Whose calls a failure concerns: all with the same key and address, or those with the same model too."""

    ACCOUNT = auto()
    MODEL = auto()


class Reason(StrEnum):
    NO_KEY = "no_key"
    BAD_KEY = "bad_key"
    FORBIDDEN = "forbidden"
    ACCOUNT = "account"
    QUOTA = "quota"
    MODEL = "model"
    BETA = "beta"
    BAD_ADDRESS = "bad_address"
    NOT_REALTIME = "not_realtime"
    TLS = "tls"
    RATE_LIMIT = "rate_limit"
    SERVER_ERROR = "server_error"
    DNS = "dns"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    NETWORK = "network"
    CUT = "cut"
    RESTARTING = "restarting"
    CLOSED = "closed"
    EXPIRED = "expired"
    BAD_SESSION = "bad_session"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Rule:
    """`waits`: seconds before the second, third, … try to connect; `scope`: whose breaker a failure opens or counts
    for, None for nobody's."""

    course: Course
    meaning: str
    waits: tuple[float, ...] = ()
    scope: Scope | None = None


_F, _R, _I = Course.FATAL, Course.RETRY, Course.IGNORE
_ALL, _MODEL = Scope.ACCOUNT, Scope.MODEL

RULES: Mapping[Reason, Rule] = {
    Reason.NO_KEY: Rule(_F, "there is no key to connect with", scope=_ALL),
    Reason.BAD_KEY: Rule(_F, "OpenAI does not know the key", scope=_ALL),
    Reason.FORBIDDEN: Rule(_F, "the key, or a proxy in between, does not allow it", scope=_ALL),
    Reason.ACCOUNT: Rule(_F, "the account is deactivated", scope=_ALL),
    Reason.QUOTA: Rule(_F, "the account has no credit left", scope=_ALL),
    Reason.MODEL: Rule(_F, "the model does not exist for this key", scope=_MODEL),
    Reason.BETA: Rule(_F, "something in between asks for the retired beta protocol", scope=_ALL),
    Reason.BAD_ADDRESS: Rule(_F, "OPENAI_REALTIME_URL is no WebSocket address", scope=_ALL),
    Reason.NOT_REALTIME: Rule(_F, "what answers does not speak Realtime", scope=_ALL),
    Reason.TLS: Rule(_F, "the certificate is not valid", scope=_ALL),
    Reason.RATE_LIMIT: Rule(_R, "too many requests for this account", (1.0,), _ALL),
    Reason.SERVER_ERROR: Rule(_R, "OpenAI has a fault of its own", (0.3, 1.0), _ALL),
    Reason.DNS: Rule(_R, "the name cannot be looked up", (0.3, 1.0), _ALL),
    Reason.UNREACHABLE: Rule(_R, "the connection was refused", (0.3, 1.0), _ALL),
    Reason.TIMEOUT: Rule(_R, "no answer in time", (0.3,), _ALL),
    Reason.NETWORK: Rule(_R, "the network failed", (0.3, 1.0), _ALL),
    Reason.CUT: Rule(_R, "the connection was cut without a word", (0.3, 1.0), _ALL),
    Reason.RESTARTING: Rule(_R, "OpenAI restarts, or is full", (0.3, 1.0), _ALL),
    Reason.CLOSED: Rule(_R, "OpenAI closed the session", (0.3, 1.0), _ALL),
    Reason.EXPIRED: Rule(_R, "the session was an hour old"),
    Reason.BAD_SESSION: Rule(_I, "a configuration of the session was refused: a simpler one is asked for"),
    Reason.REQUEST: Rule(_I, "a single request was refused"),
}

_CODES: Mapping[str, Reason] = {
    "invalid_api_key": Reason.BAD_KEY,
    "account_deactivated": Reason.ACCOUNT,
    "insufficient_quota": Reason.QUOTA,
    "billing_hard_limit_reached": Reason.QUOTA,
    "invalid_model": Reason.MODEL,
    "model_not_found": Reason.MODEL,
    "missing_model": Reason.MODEL,
    "beta_api_shape_disabled": Reason.BETA,
    "session_expired": Reason.EXPIRED,
    "rate_limit_exceeded": Reason.RATE_LIMIT,
    "inference_rate_limit_exceeded": Reason.RATE_LIMIT,
    "server_error": Reason.SERVER_ERROR,
    "unknown_parameter": Reason.BAD_SESSION,
    "missing_required_parameter": Reason.BAD_SESSION,
    "cannot_update_voice": Reason.BAD_SESSION,
}
_CLOSES: Mapping[int, Reason] = {
    0: Reason.CUT,
    1005: Reason.CUT,
    1006: Reason.CUT,
    1011: Reason.SERVER_ERROR,
    1012: Reason.RESTARTING,
    1013: Reason.RESTARTING,
    1015: Reason.NETWORK,
    3000: Reason.BAD_KEY,
    4004: Reason.MODEL,
}
_EXPIRED = "maximum duration"
_NO_KEY = "bearer"


def of_code(code: str, message: str = "") -> Reason:
    """The reason in an `error` event or in a response that failed, by its code or, without one, its type; REQUEST for
    a word that is not known."""
    if code not in _CODES and _NO_KEY in message.lower():
        return Reason.NO_KEY
    return _CODES.get(code, Reason.REQUEST)


def of_close(code: int, why: str) -> Reason:
    """The reason in a close. Its text names the code of the error (`invalid_request_error.invalid_api_key`), or says
    in words that the hour is over."""
    if _EXPIRED in why:
        return Reason.EXPIRED
    named = _CODES.get(why.rpartition(".")[2])
    return named or _CLOSES.get(code, Reason.CLOSED)


def of_status(status: int) -> Reason:
    """The reason in an HTTP status that came instead of the upgrade."""
    if status >= 500:
        return Reason.SERVER_ERROR
    known = {401: Reason.BAD_KEY, 403: Reason.FORBIDDEN, 404: Reason.MODEL, 407: Reason.FORBIDDEN}
    return Reason.RATE_LIMIT if status == 429 else known.get(status, Reason.NOT_REALTIME)


def is_passing(reason: Reason) -> bool:
    """Whether another try may succeed."""
    return RULES[reason].course is Course.RETRY


def is_fatal(reason: Reason) -> bool:
    return RULES[reason].course is Course.FATAL


def waiting(reason: Reason, *, tries: int, jitter: float) -> float | None:
    """Seconds to wait after so many failed `tries` to connect, None when there is to be no other.

    `jitter` between 0 and 1 spreads the tries of calls that failed at the same moment: half to one and a half times.
    """
    waits = RULES[reason].waits
    return waits[tries - 1] * (0.5 + jitter) if tries <= len(waits) else None
