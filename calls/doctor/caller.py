"""The test call: what it says of itself, and how it signs, as Twilio would.

It is marked by its CallSid, which begins with TEST_CALL_PREFIX as no call of Twilio's does, so that a stored row can be
told from a caller's at any time.
"""

import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from twilio.request_validator import HMAC_SHA256, RequestValidator

from calls.doctor.exchange import Answer, request
from calls.doctor.site import Site
from calls.models.call import TEST_CALL_PREFIX
from calls.twilio import addresses

SOCKET_AGENT = "Twilio.TmeWs/1.0"
_ANSWER_SECONDS = 7
_WEB_AGENT = "TwilioProxy/1.1"
# Numbers of this exchange are Twilio's own for tests and belong to nobody; a fresh one each time, since a caller who
# rings again during a hand-over is taken for a forwarding loop.
_TEST_EXCHANGE = "+1500555"
TEST_NUMBER = f"{_TEST_EXCHANGE}0006"


class TestCall:
    """One call that the doctor places."""

    __test__ = False  # not one of pytest's

    def __init__(self, site: Site, *, to: str) -> None:
        self._site = site
        self.call_sid = TEST_CALL_PREFIX + secrets.token_hex(13)
        self.stream_sid = "MZ" + secrets.token_hex(16)
        self.account_sid = site.twilio_account or "AC" + "0" * 32
        self._from = f"{_TEST_EXCHANGE}{secrets.randbelow(10_000):04}"
        self._to = to

    async def ring(self) -> Answer:
        return await self._post("voice", {"CallStatus": "ringing"})

    async def hang_up(self) -> Answer:
        """The status callback that ends a call: the row is closed and no hand-over stays open."""
        return await self._post("status", {"CallStatus": "completed", "CallDuration": "1", "SequenceNumber": "0"})

    async def _post(self, name: str, more: Mapping[str, str]) -> Answer:
        url = addresses.webhook_url(self._site.public_base_url, name)
        form = {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self.call_sid,
            "Called": self._to,
            "Caller": self._from,
            "Direction": "inbound",
            "From": self._from,
            "To": self._to,
            **more,
        }
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": _WEB_AGENT,
            **signature(self._site, url, form),
        }
        # Twilio waits 15 s; a check has 10, and has to find out afterwards who it was that did not answer.
        return await request(
            url, method="POST", headers=headers, body=urlencode(form).encode(), seconds=_ANSWER_SECONDS
        )


def signature(site: Site, url: str, form: Mapping[str, str]) -> dict[str, str]:
    """The headers by which Twilio proves who it is; none when the set-up has no secret to sign with."""
    if site.twilio_tokens:
        return {"X-Twilio-Signature": RequestValidator(site.twilio_tokens[0]).compute_signature(url, form)}
    if site.twilio_shared_keys:
        key, secret = site.twilio_shared_keys[0]
        return {
            "X-Twilio-Signature": RequestValidator(secret).compute_signature(url, form, HMAC_SHA256),
            "X-Twilio-Webhooks-Signature-Settings": f"key={key},algorithm={HMAC_SHA256}",
        }
    if site.checkout_token:
        return {"X-Twilio-Signature": RequestValidator(site.checkout_token).compute_signature(url, form)}
    return {}
