"""A TwiML Bin: a document that Twilio itself keeps and serves, with Mustache for what the request says.

https://www.twilio.com/docs/serverless/twiml-bins/getting-started
"""

import re
from collections.abc import Mapping
from html import escape

from calls.emulators.phone_http import Answer

URL = "https://handler.twilio.com/twiml/EH" + "0" * 32

_SECTION = re.compile(r"\{\{#(\w+)\}\}(.*?)\{\{/\1\}\}", re.DOTALL)
_VALUE = re.compile(r"\{\{(\w+)\}\}")


def answer(text: str, fields: Mapping[str, str]) -> Answer:
    """The document as it is served for these fields; a section stands where its field is there and not blank."""
    shown = _SECTION.sub(lambda found: found[2] if fields.get(found[1]) else "", text)
    filled = _VALUE.sub(lambda found: escape(fields.get(found[1], "")), shown)
    return Answer(200, {"content-type": "text/xml"}, filled.encode(), URL)
