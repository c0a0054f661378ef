"""TwiML read as strictly as Twilio reads it: names are case-sensitive, the document is XML from its first byte."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass

from calls.emulators.phone_http import Answer, Failure

CONTENT_TYPES = frozenset({"text/xml", "application/xml"})
_RECORDING = "recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent"
_STATUS = "statusCallback statusCallbackMethod"
_NUMBER_STATUS = f"{_STATUS} statusCallbackEvent"
# Verb or noun → attributes, and where it may stand.
ATTRIBUTES: dict[str, frozenset[str]] = {
    name: frozenset(attributes.split())
    for name, attributes in {
        "Response": "",
        "Say": "voice language loop",
        "Play": "loop digits",
        "Pause": "length",
        "Gather": "input action method timeout speechTimeout maxSpeechTime profanityFilter finishOnKey numDigits"
        " partialResultCallback partialResultCallbackMethod language hints bargeIn debug actionOnEmptyResult"
        " speechModel enhanced",
        "Record": "action method timeout finishOnKey maxLength playBeep trim transcribe transcribeCallback"
        f" recordingTrack {_RECORDING}",
        "Dial": "action method timeout hangupOnStar timeLimit callerId record trim answerOnBridge ringTone"
        f" recordingTrack sequential referUrl referMethod passports {_RECORDING}",
        "Number": f"sendDigits url method byoc machineDetection {_NUMBER_STATUS}",
        "Client": f"url method {_NUMBER_STATUS}",
        "Sip": f"username password url method {_NUMBER_STATUS}",
        "Redirect": "method",
        "Reject": "reason",
        "Hangup": "",
        "Connect": "action method",
        "Start": "action method",
        "Stop": "",
        "Stream": f"name connectorName url track {_STATUS}",
        "Parameter": "name value",
        "Recording": f"channels track trim {_RECORDING}",
    }.items()
}
VERBS = frozenset(
    {"Say", "Play", "Pause", "Gather", "Record", "Dial", "Redirect", "Reject", "Hangup", "Connect", "Start", "Stop"}
)
NOUNS: dict[str, frozenset[str]] = {
    "Gather": frozenset({"Say", "Play", "Pause"}),
    "Dial": frozenset({"Number", "Client", "Sip"}),
    "Connect": frozenset({"Stream"}),
    "Start": frozenset({"Stream", "Recording"}),
    "Stop": frozenset({"Stream"}),
    "Stream": frozenset({"Parameter"}),
}


@dataclass(frozen=True, slots=True)
class Verb:
    """One element that Twilio knows."""

    name: str
    attributes: dict[str, str]
    text: str
    children: tuple["Verb", ...]

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def number(self, name: str, default: int) -> int:
        """An attribute that is a whole number; nonsense counts as the default."""
        value = self.attributes.get(name, "")
        return int(value) if value.isdecimal() else default


@dataclass(frozen=True, slots=True)
class Document:
    url: str
    verbs: tuple[Verb, ...]
    warnings: tuple[str, ...]


def read(answer: Answer) -> Document:
    """Understand an answer as TwiML; raises Failure as Twilio gives up, warns where it goes on."""
    kind = answer.content_type.split(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise Failure(12300, f"content type {answer.content_type!r}", answer.url)
    if not answer.body.startswith(b"<"):
        raise Failure(12100, f"the document begins with {answer.body[:1]!r}, not with '<'", answer.url)
    if b"<!DOCTYPE" in answer.body:
        raise Failure(12100, "a document type declaration", answer.url)
    try:
        root = ElementTree.fromstring(answer.body)
    except ElementTree.ParseError as error:
        raise Failure(12100, f"no XML ({error})", answer.url) from error
    if root.tag != "Response":
        raise Failure(12100, f"the root is <{root.tag}>, not <Response>", answer.url)
    warnings: list[str] = []
    verbs = tuple(_known(root, VERBS, warnings))
    warnings.extend(_stray_text(root))
    return Document(answer.url, verbs, tuple(warnings))


def _known(parent: ElementTree.Element, names: frozenset[str], warnings: list[str]) -> Iterator[Verb]:
    warnings.extend(_unknown_attributes(parent))
    for element in parent:
        if element.tag not in names:
            warnings.append(f"12200 schema warning: <{element.tag}> in <{parent.tag}>")
            continue
        children = tuple(_known(element, NOUNS.get(element.tag, frozenset()), warnings))
        yield Verb(element.tag, dict(element.attrib), (element.text or "").strip(), children)


def _unknown_attributes(element: ElementTree.Element) -> Iterator[str]:
    for name in sorted(element.attrib.keys() - ATTRIBUTES[element.tag]):
        yield f"12200 schema warning: attribute {name} of <{element.tag}>"


def _stray_text(root: ElementTree.Element) -> Iterator[str]:
    texts = [root.text, *(element.tail for element in root)]
    for text in texts:
        if text and text.strip():
            yield f"12200 schema warning: text {text.strip()[:40]!r} between the verbs"
