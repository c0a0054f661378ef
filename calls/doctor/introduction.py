"""How the doctor makes itself known to the server beside it, which has the same SECRET_KEY and tells it what strangers
are not told. Nothing that lasts is sent, since another program may own the port."""

from django.core.signing import BadSignature, TimestampSigner

SECONDS = 60
_SALT = "calls.doctor.introduction"
_NAME = "doctor"


def headers(secret_key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {_signer(secret_key).sign(_NAME)}"}


def is_one(token: str) -> bool:
    """Whether it is a doctor who says it, of this server or of another."""
    return token.startswith(f"{_NAME}:")


def is_good(token: str, secret_key: str) -> bool:
    try:
        return _signer(secret_key).unsign(token, max_age=SECONDS) == _NAME
    except BadSignature:
        return False


def _signer(secret_key: str) -> TimestampSigner:
    return TimestampSigner(key=secret_key or "-", salt=_SALT)
