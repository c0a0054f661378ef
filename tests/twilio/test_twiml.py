"""Every document is what the twilio library would have built, whatever stands in its variables."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from twilio.twiml.voice_response import Connect, Dial, Gather, Stream, VoiceResponse

from calls.twilio import twiml
from tests.twilio.kit import tree

TEMPLATES = settings.BASE_DIR / "calls" / "templates" / "twiml"
SORRY = "We are sorry, our assistant cannot help you right now. "
HOLD = "Please hold the line while we connect you to a person."
LEAVE = (
    "We are sorry that nobody can take your call right now. "
    "Please leave a message after the tone, with your name and your number."
)
NOT_HEARD = "We did not hear a message. Please call again. Goodbye."


def answer(*, action_url, stream_url, status_url, token):
    response, connect = VoiceResponse(), Connect(action=action_url, method="POST")
    stream = Stream(url=stream_url, status_callback=status_url)
    stream.parameter(name="token", value=token)
    connect.append(stream)
    response.append(connect)
    return response


def hand_over(*, business, action_url, caller_id, number):
    response = VoiceResponse()
    greeting = f"Thank you for calling {business}. " if business else ""
    response.say(greeting + SORRY + HOLD)
    dial = Dial(action=action_url, method="POST", timeout=20, caller_id=caller_id or None)
    dial.number(number)
    response.append(dial)
    return response


def transfer(*, action_url, caller_id, number, seconds, is_first, whisper_url):
    response = VoiceResponse()
    response.say("Please hold the line while we connect you.")
    dial = Dial(action=action_url, method="POST", timeout=seconds, caller_id=caller_id or None)
    dial.number(number, url=whisper_url or None, method="POST" if whisper_url else None)
    response.append(dial)
    return response


def announce(*, words, action_url):
    response = VoiceResponse()
    gather = Gather(input="dtmf", num_digits=1, timeout=10, action=action_url, method="POST")
    gather.say(words)
    response.append(gather)
    response.hangup()
    return response


def connect(*, words):
    response = VoiceResponse()
    response.say(words)
    return response


def say_and_hang_up(*, words):
    response = VoiceResponse()
    response.say(words)
    response.hangup()
    return response


def busy():
    response = VoiceResponse()
    response.reject(reason="busy")
    return response


def voicemail(*, business, recording_url):
    response = VoiceResponse()
    response.say((f"You have reached {business}. " if business else "") + LEAVE)
    response.record(
        action=recording_url, method="POST", recording_status_callback=recording_url, max_length=120, timeout=5
    )
    response.say(NOT_HEARD)
    return response


def thanks():
    response = VoiceResponse()
    response.say("Thank you for your message. Goodbye.")
    response.hangup()
    return response


def hang_up():
    response = VoiceResponse()
    response.hangup()
    return response


URL = "https://cortana.example.com/twilio/x?a=1&b=2"
BUILT = {
    "answer": (answer, {"action_url": URL, "stream_url": "wss://h/s", "status_url": URL, "token": "x3PK-_"}),
    "hand_over": (
        hand_over,
        {
            "business": "Cedar & Sons",
            "action_url": URL,
            "caller_id": "+15550109999",
            "number": "+15550108000",
        },
    ),
    "voicemail": (voicemail, {"business": "Cedar & Sons", "recording_url": URL}),
    "transfer": (
        transfer,
        {
            "action_url": URL,
            "caller_id": "+15550109999",
            "number": "+15550108000",
            "seconds": "25",
            "is_first": False,
            "whisper_url": URL,
        },
    ),
    "announce": (announce, {"words": "A caller about a burst pipe. Press 1 to accept.", "action_url": URL}),
    "connect": (connect, {"words": "Connecting you now."}),
    "busy": (busy, {}),
    "say_and_hang_up": (say_and_hang_up, {"words": "Please ring us back."}),
    "thanks": (thanks, {}),
    "hang_up": (hang_up, {}),
}
VARIABLES = [
    (name, key) for name, (_, context) in BUILT.items() for key, value in context.items() if not isinstance(value, bool)
]
HOSTILE = {
    "quotes": "\"'><&\"'",
    "end of CDATA": "]]><![CDATA[",
    "a verb": "</Say><Dial>+882999</Dial><Say>",
    "an entity": "&xxe; &#0; &amp;",
    "a template": "{{ number }}{% now 'Y' %}",
    "control characters": "a\x00b\x08c\x0bd\x1be\x7ff\x85g",
    "white space": "a\tb\r\nc\nd",
    "not characters": "a\ud800b\ufffec\uffffd",
    "emoji and right to left": "🚰 \u202eabc\u2028 Żółć 水",
    "a declaration": '<?xml version="1.0"?><!DOCTYPE x>',
    "ten kilobytes": "&" * 10_000,
    "blank": "",
}


def allowed(value):
    """XML 1.0's Char production, with tabs and line ends as spaces, and at most a thousand characters."""
    spaced = value.replace("\t", " ").replace("\r", " ").replace("\n", " ")
    ranges = [(0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF)]
    return "".join(c for c in spaced if any(low <= ord(c) <= high for low, high in ranges))[:1000]


def variables_of(template):
    return set(re.findall(r"{{ (\w+) }}|{% if (\w+) %}", template.read_text()))


def test_every_template_is_compared():
    assert {path.stem for path in TEMPLATES.iterdir()} - {"response"} == set(BUILT)


@pytest.mark.parametrize("name", BUILT)
def test_every_variable_of_a_template_is_compared(name):
    used = {one or other for one, other in variables_of(TEMPLATES / f"{name}.xml")}

    assert used == set(BUILT[name][1])


@pytest.mark.parametrize("name", BUILT)
def test_a_document_is_what_the_library_builds(name):
    build, context = BUILT[name]

    response = twiml.respond(name, context)

    assert tree(response.content) == tree(str(build(**context)))


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize(("name", "variable"), VARIABLES)
def test_a_hostile_value_changes_nothing_but_its_own_text(name, variable, hostile):
    build, context = BUILT[name]

    response = twiml.respond(name, context | {variable: hostile})

    assert tree(response.content) == tree(str(build(**context | {variable: allowed(hostile)})))
    assert len(response.content) < 64 * 1024


@pytest.mark.parametrize("name", BUILT)
def test_a_document_begins_with_its_only_declaration_and_is_xml(name):
    response = twiml.respond(name, dict.fromkeys(BUILT[name][1], HOSTILE["a declaration"]))

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert response.content.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Response>')
    assert response.content.count(b"<?xml") == 1


def test_nothing_comes_before_the_stream():
    """A sentence before <Connect> would be a second greeting, and silence until it has been fetched."""
    response = twiml.respond("answer", BUILT["answer"][1])

    assert [verb[0] for verb in tree(response.content)[3]] == ["Connect"]


def test_a_call_that_no_agent_has_answered_yet_goes_on_ringing():
    _, context = BUILT["transfer"]

    [(verb, attributes, _, _)] = tree(twiml.respond("transfer", context | {"is_first": True}).content)[3]

    assert (verb, attributes["answerOnBridge"]) == ("Dial", "true")


def test_a_cold_transfer_has_no_announcement():
    _, context = BUILT["transfer"]

    dial = tree(twiml.respond("transfer", context | {"whisper_url": ""}).content)[3][1]

    assert dial[3] == [("Number", {}, "+15550108000", [])]


def test_the_template_engine_escapes_every_value():
    """No template may switch escaping off; a value marked as safe would come through unescaped."""
    for path in Path(TEMPLATES).iterdir():
        assert re.findall(r"autoescape|\|\s*safe|mark_safe", path.read_text()) == []
