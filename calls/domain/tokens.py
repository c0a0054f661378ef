"""The token that ties a media stream to the webhook that announced it.

The row of the call keeps only the nonce, so the database alone lets nobody in, and a repeated webhook gives the
identical document. How old a token may be and that it serves once is for `streams.admit_stream` to see.
"""

import base64
import hashlib
import hmac

TOKEN_SECONDS = 60


def mint(*, secret_key: str, call_sid: str, nonce: str) -> str:
    digest = hmac.digest(secret_key.encode(), f"{call_sid}|{nonce}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def matches(*, secret_key: str, call_sid: str, nonce: str, token: str) -> bool:
    """Whether `token` was minted for this call and nonce; takes the same time whatever is wrong with it."""
    expected = mint(secret_key=secret_key, call_sid=call_sid, nonce=nonce)
    return bool(nonce) & hmac.compare_digest(expected.encode(), token.encode("utf-8", "surrogatepass"))
