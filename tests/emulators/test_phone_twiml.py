import inspect

import pytest
from twilio.twiml import voice_response

from calls.emulators import phone_twiml
from calls.emulators.phone_http import Answer, Failure
from calls.emulators.phone_twiml import Verb

URL = "https://cortana.example.com/twilio/voice"


def answer(body, content_type="text/xml; charset=utf-8"):
    return Answer(200, {"content-type": content_type}, body.encode(), URL)


def test_a_document_becomes_verbs():
    document = phone_twiml.read(
        answer(
            '<?xml version="1.0" encoding="UTF-8"?>\n<Response>\n'
            '  <Say voice="alice">A &amp; B</Say>\n'
            '  <Connect action="/after"><Stream url="wss://h/s">'
            '<Parameter name="token" value="t"/></Stream></Connect>\n'
            "</Response>"
        )
    )

    parameter = Verb("Parameter", {"name": "token", "value": "t"}, "", ())
    stream = Verb("Stream", {"url": "wss://h/s"}, "", (parameter,))
    assert document.verbs == (
        Verb("Say", {"voice": "alice"}, "A & B", ()),
        Verb("Connect", {"action": "/after"}, "", (stream,)),
    )
    assert document.warnings == ()


@pytest.mark.parametrize("content_type", ["text/xml", "application/xml", "Text/XML;charset=UTF-8"])
def test_both_xml_content_types_are_accepted(content_type):
    assert phone_twiml.read(answer("<Response/>", content_type)).verbs == ()


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ("<Response/>", "text/html", 12300),
        ("<Response/>", "text/plain", 12300),
        ("<Response/>", "", 12300),
        ("", "text/xml", 12100),
        ("\n<Response/>", "text/xml", 12100),
        (" <?xml version='1.0'?><Response/>", "text/xml", 12100),
        ("\ufeff<Response/>", "text/xml", 12100),
        ("<?xml version='1.0'?><?xml version='1.0'?><Response/>", "text/xml", 12100),
        ("<Response><Say>A & B</Say></Response>", "text/xml", 12100),
        ("<Response><Say>", "text/xml", 12100),
        ("<Response/><Response/>", "text/xml", 12100),
        ("<response/>", "text/xml", 12100),
        ("<Say>hello</Say>", "text/xml", 12100),
        ("<!DOCTYPE html><Response/>", "text/xml", 12100),
        ("<Response>\x0b</Response>", "text/xml", 12100),
    ],
)
def test_what_twilio_cannot_read_fails_with_its_code(body, content_type, code):
    with pytest.raises(Failure) as failure:
        phone_twiml.read(answer(body, content_type))

    assert (failure.value.code, failure.value.url) == (code, URL)


def test_unknown_names_are_warned_of_and_left_out():
    document = phone_twiml.read(
        answer(
            '<Response statusCallback="/x">hello <say>a</say><Say Voice="x">b</Say>'
            "<Dial><Stream/></Dial><Number>1</Number></Response>"
        )
    )

    assert [verb.name for verb in document.verbs] == ["Say", "Dial"]
    assert document.warnings == (
        "12200 schema warning: attribute statusCallback of <Response>",
        "12200 schema warning: <say> in <Response>",
        "12200 schema warning: attribute Voice of <Say>",
        "12200 schema warning: <Stream> in <Dial>",
        "12200 schema warning: <Number> in <Response>",
        "12200 schema warning: text 'hello' between the verbs",
    )


def names(builder):
    """The attributes that a method of the twilio library writes."""
    words = (name.rstrip("_").split("_") for name in inspect.signature(builder).parameters)
    return {first + "".join(word.title() for word in rest) for first, *rest in words}


BUILDERS = {
    name: getattr(parent, name.lower())
    for parent, children in {
        voice_response.VoiceResponse: phone_twiml.VERBS,
        voice_response.Dial: phone_twiml.NOUNS["Dial"],
        voice_response.Start: phone_twiml.NOUNS["Start"],
        voice_response.Stream: phone_twiml.NOUNS["Stream"],
    }.items()
    for name in children
}


@pytest.mark.parametrize("verb", sorted(BUILDERS))
def test_no_attribute_is_known_that_the_library_of_twilio_does_not_write(verb):
    # The reference of <Record> names recordingTrack; the library has not caught up.
    beyond = {"Record": {"recordingTrack"}}.get(verb, set())

    assert phone_twiml.ATTRIBUTES[verb] - names(BUILDERS[verb]) == beyond


def test_a_document_of_the_library_is_read_without_a_warning():
    response = voice_response.VoiceResponse()
    connect = response.connect(action="/twilio/after", method="POST")
    stream = connect.stream(url="wss://h/s", status_callback="https://h/cb", track="inbound_track")
    stream.parameter(name="token", value="<&>")
    response.say("Sorry & goodbye", voice="alice")
    response.dial(timeout=20, action="/done").number("+15550107777", url="/whisper")
    response.record(max_length=120, recording_status_callback="/recording")

    document = phone_twiml.read(answer(response.to_xml()))

    assert [verb.name for verb in document.verbs] == ["Connect", "Say", "Dial", "Record"]
    assert document.verbs[0].children[0].children[0].get("value") == "<&>"
    assert document.warnings == ()


def test_numbers_in_attributes_fall_back_to_the_default():
    verb = Verb("Pause", {"length": "3", "loop": "x", "timeout": "-1"}, "", ())

    assert [verb.number(name, 7) for name in ("length", "loop", "timeout", "none")] == [3, 7, 7, 7]
