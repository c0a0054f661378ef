"""Is this the TwiML that Twilio would obey, and does its stream lead to us?"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit
from xml.etree import ElementTree

from calls.doctor.exchange import Answer
from calls.twilio import addresses

LARGEST_DOCUMENT = 64 * 1024
_XML_TYPES = {"text/xml", "application/xml"}


@dataclass(frozen=True, slots=True)
class Document:
    """What a TwiML document asks for. `stream_url` is blank when it asks for no stream."""

    verbs: list[str]
    stream_url: str = ""
    token: str = field(default="", repr=False)
    has_action: bool = False


class Unfit(Exception):
    """Twilio would not do what is meant; the message says what is wrong."""

    remedy = "Undo what was changed in calls/templates/twiml, or take away what rewrites the answer on its way here."


class LeadsAway(Unfit):
    """The stream would not come back to the public address."""

    remedy = "Restart the server with this very PUBLIC_BASE_URL: that setting alone decides the stream's address."


def looks_like_html(answer: Answer) -> bool:
    start = answer.body.lstrip()[:200].lower()
    return "html" in answer.headers.get("content-type", "") or start.startswith((b"<!doctype html", b"<html"))


def read(answer: Answer) -> Document:
    """The document in `answer`. Raises Unfit, in the order in which Twilio's parser would stumble."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if len(answer.body) > LARGEST_DOCUMENT:
        raise Unfit("longer than the 64 KB that Twilio takes")
    if not answer.body.strip():
        raise Unfit("an empty answer, on which Twilio hangs up")
    if not answer.body.startswith(b"<"):
        raise Unfit("something stands before the first <, such as a blank line (Twilio's error 12100)")
    if kind not in _XML_TYPES:
        raise Unfit(f"the content type is {kind or 'missing'} instead of text/xml (Twilio's error 12300)")
    if b"<!DOCTYPE" in answer.body:
        raise Unfit("it holds a document type declaration")
    try:
        root = ElementTree.fromstring(answer.body)
    except ElementTree.ParseError as error:
        raise Unfit(f"not well-formed XML: {error} (Twilio's error 12100)") from error
    if root.tag != "Response":
        raise Unfit(f"the outermost element is {root.tag!r} instead of Response")
    return _document(root)


def _document(root: ElementTree.Element) -> Document:
    verbs = [child.tag for child in root]
    connect, stream = root.find("Connect"), root.find("Connect/Stream")
    if connect is None or stream is None:
        if root.find("Start/Stream") is not None:
            raise Unfit("<Start><Stream> only listens: the agent could never be heard. It has to be <Connect><Stream>")
        return Document(verbs)
    parameters = {one.get("name"): one.get("value", "") for one in stream.iter("Parameter")}
    return Document(verbs, stream.get("url", ""), parameters.get("token", ""), bool(connect.get("action")))


def check_stream_url(url: str, public_base_url: str) -> None:
    """Raises LeadsAway when the stream would not come back to the public address."""
    wanted, found = addresses.stream_url(public_base_url), urlsplit(url)
    expected = urlsplit(wanted)
    if found.query:
        raise LeadsAway("the stream's address has a query string, which Twilio does not send (error 31920)")
    if found.scheme != expected.scheme:
        raise LeadsAway(
            f"the stream's address begins with {found.scheme}:// instead of {expected.scheme}:// (error 31922)"
        )
    if found.netloc != expected.netloc:
        raise LeadsAway(f"the stream leads to {found.netloc}, while the public address is {expected.netloc}")
    if found.path.rstrip("/") != expected.path:
        raise LeadsAway(f"the stream leads to {found.path} instead of {expected.path}")
