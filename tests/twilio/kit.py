"""Twilio's part in the tests of webhooks: what it signs, what it posts, and what it makes of a document.

The signature is computed here from Twilio's description, so that a mistake in the use of the library shows.
"""

import base64
import hmac
from urllib.parse import urlencode
from xml.etree import ElementTree

from django.test import AsyncClient

TOKEN = "0123456789abcdef0123456789abcdef"
BASE = "https://cortana.example.com"
CALLER = "+15550100001"


def signature(secret, url, form=None, digest="sha1"):
    """Base64 of the keyed hash over the URL and every name and value, sorted by name."""
    text = url + "".join(name + value for name, value in sorted((form or {}).items()))
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), digest)).decode()


def voice_form(call_sid, **fields):
    """The form of a voice webhook, with the blank fields that are signed too."""
    form = {
        "CallSid": call_sid,
        "AccountSid": "AC" + "0" * 32,
        "ApiVersion": "2010-04-01",
        "From": CALLER,
        "Caller": CALLER,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "FromCity": "",
        "ToZip": "",
    } | fields
    return form | ({"Called": form["To"]} if "To" in form else {})


class Twilio:
    """Sends signed webhooks to the project, as Twilio's proxy does."""

    def __init__(self, *, token=TOKEN, base=BASE):
        self.token, self.base = token, base
        self.client = AsyncClient()

    async def post(self, path, form, *, headers=None, sign=True):
        signed = {"X-Twilio-Signature": signature(self.token, self.base + path, form)} if sign else {}
        return await self.client.post(
            path,
            urlencode(form),
            content_type="application/x-www-form-urlencoded",
            headers={"User-Agent": "TwilioProxy/1.1", "Accept": "*/*"} | signed | (headers or {}),
        )

    async def get(self, path, form, *, headers=None, sign=True):
        """A webhook of a number that was set to GET: the parameters stand in the address, which alone is signed."""
        asked = f"{path}?{urlencode(form)}" if form else path
        signed = {"X-Twilio-Signature": signature(self.token, self.base + asked)} if sign else {}
        return await self.client.get(asked, headers=signed | (headers or {}))


def tree(document):
    """A document as nested tuples, without the white space between elements; what Twilio's parser sees."""
    root = ElementTree.fromstring(document.encode() if isinstance(document, str) else document)
    return _node(root)


def _node(element):
    children = [_node(child) for child in element]
    text = element.text or ""
    if children:
        assert text.strip() == "" and all((child.tail or "").strip() == "" for child in element), "text beside verbs"
        text = ""
    return (element.tag, dict(element.attrib), text.strip() if element.tag == "Response" else text, children)


def verbs(response):
    """The names of a document's verbs, in order, after what holds for every answer to a request for TwiML."""
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert response.content.startswith(b"<?xml")
    assert response.content.count(b"<?xml") == 1
    assert len(response.content) < 64 * 1024
    return [verb[0] for verb in tree(response.content)[3]]


def dialed(response):
    """The number that a document dials, or None."""
    root = ElementTree.fromstring(response.content)
    return root.findtext("Dial/Number")


def spoken(response):
    """The first sentence that a document speaks."""
    return ElementTree.fromstring(response.content).findtext("Say")


def token_in(response):
    return ElementTree.fromstring(response.content).find("Connect/Stream/Parameter[@name='token']").get("value")
