"""TwiML from the templates in templates/twiml/: one declaration, `<` as first byte, nothing that XML 1.0 forbids."""

import re
from collections.abc import Mapping

from django.http import HttpResponse
from django.template.loader import render_to_string

CONTENT_TYPE = "text/xml; charset=utf-8"
# Twilio reads at most 64 KB; a value of this length, each character escaped to six, leaves room for all the others.
MAX_VALUE = 1000

# The white space that an XML parser would turn into spaces or newlines of its own, and what it would stumble over.
_WHITE_SPACE = re.compile(r"[\t\r\n]")
_FORBIDDEN = re.compile(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def respond(name: str, context: Mapping[str, str | bool]) -> HttpResponse:
    """The answer to Twilio from templates/twiml/`name`.xml. Templates escape every value; here it is made legal XML."""
    values = {key: _legal(value) if isinstance(value, str) else value for key, value in context.items()}
    return HttpResponse(render_to_string(f"twiml/{name}.xml", values), content_type=CONTENT_TYPE)


def _legal(value: str) -> str:
    return _FORBIDDEN.sub("", _WHITE_SPACE.sub(" ", value))[:MAX_VALUE]
