import json

import pytest
from streamdouble import protocol as streamdouble

from calls.emulators import phone_messages as messages

SID = "MZ" + "1" * 32


def text(**fields):
    return json.dumps({"streamSid": SID, **fields})


def test_the_three_messages_of_a_server_are_understood():
    understood = [
        messages.understand(text(event="media", media={"payload": "AAH/"}), SID),
        messages.understand(text(event="mark", mark={"name": "1:item:0:160"}), SID),
        messages.understand(text(event="clear"), SID),
    ]

    assert understood == [messages.Media(b"\x00\x01\xff"), messages.Mark("1:item:0:160"), messages.Clear()]


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b"\x00" * 160, "31950 malformed message: a binary frame of 160 bytes"),
        ("{", "31951 invalid message: no JSON"),
        ("[]", "31951 invalid message: a JSON list, an object is wanted"),
        ("{}", "31951 invalid message: unknown event None"),
        (text(event=["media"]), "31951 invalid message: unknown event ['media']"),
        (text(event="Media", media={"payload": "AA=="}), "31951 invalid message: unknown event 'Media'"),
        (json.dumps({"event": "clear"}), "31951 invalid message: clear without streamSid"),
        (
            json.dumps({"event": "clear", "streamSid": "MZ2"}),
            "31951 invalid message: clear with streamSid 'MZ2'",
        ),
        (text(event="clear", clear={}), "31951 invalid message: clear with unknown clear"),
        (text(event="media"), "31951 invalid message: media without media"),
        (text(event="media", media="AA=="), "31951 invalid message: media.media is no object"),
        (text(event="media", media={}), "31951 invalid message: media.media without payload"),
        (
            text(event="media", media={"payload": "AA==", "track": "outbound"}),
            "31951 invalid message: media.media with unknown track",
        ),
        (
            text(event="media", media={"payload": "AA=="}, sequenceNumber="1"),
            "31951 invalid message: media with unknown sequenceNumber",
        ),
        (text(event="media", media={"payload": ""}), "31951 invalid message: media.payload is no text or empty"),
        (text(event="media", media={"payload": "A"}), "31951 invalid message: media.payload is no base64"),
        (text(event="media", media={"payload": "A\n=="}), "31951 invalid message: media.payload is no base64"),
        (
            text(event="media", media={"payload": "UklGRgAAAAA="}),
            "31951 invalid message: media.payload begins with the header of a sound file",
        ),
        (text(event="mark", mark={}), "31951 invalid message: mark.mark without name"),
        (text(event="mark", mark={"name": 7}), "31951 invalid message: mark.name is no text or empty"),
        (text(event="mark", mark={"name": ""}), "31951 invalid message: mark.name is no text or empty"),
    ],
)
def test_everything_else_is_refused_with_the_code_of_twilio(frame, why):
    with pytest.raises(messages.Refused) as refused:
        messages.understand(frame, SID)

    assert str(refused.value)[: len(why)] == why


def test_a_stream_is_numbered_from_start_in_strings():
    writer = messages.Writer("AC1", "CA1", "MZ1")

    written = [
        writer.connected(),
        writer.start({"token": "t"}),
        writer.media(b"\xff\xff", 155),
        writer.mark("m"),
        writer.dtmf("5"),
        writer.media(b"\x00", 175),
        writer.stop(),
    ]

    assert [json.loads(line) for line in written] == [
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {
            "event": "start",
            "sequenceNumber": "1",
            "start": {
                "accountSid": "AC1",
                "streamSid": "MZ1",
                "callSid": "CA1",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"token": "t"},
            },
            "streamSid": "MZ1",
        },
        {
            "event": "media",
            "sequenceNumber": "2",
            "media": {"track": "inbound", "chunk": "1", "timestamp": "155", "payload": "//8="},
            "streamSid": "MZ1",
        },
        {"event": "mark", "sequenceNumber": "3", "mark": {"name": "m"}, "streamSid": "MZ1"},
        {
            "event": "dtmf",
            "sequenceNumber": "4",
            "dtmf": {"track": "inbound_track", "digit": "5"},
            "streamSid": "MZ1",
        },
        {
            "event": "media",
            "sequenceNumber": "5",
            "media": {"track": "inbound", "chunk": "2", "timestamp": "175", "payload": "AA=="},
            "streamSid": "MZ1",
        },
        {
            "event": "stop",
            "sequenceNumber": "6",
            "stop": {"accountSid": "AC1", "callSid": "CA1"},
            "streamSid": "MZ1",
        },
    ]


def test_another_reading_of_twilio_writes_the_same_messages():
    identity = streamdouble.StreamIdentity(stream_sid="MZ1", account_sid="AC1", call_sid="CA1")
    ours, theirs = messages.Writer("AC1", "CA1", "MZ1"), streamdouble.MediaStreamEncoder(identity)

    written = [
        (ours.connected(), theirs.connected()),
        (ours.start({"token": "t"}), theirs.start(custom_parameters={"token": "t"})),
        # streamdouble counts from 0, captures begin between 50 and 200.
        (ours.media(b"\xff" * 160, 0), theirs.media(b"\xff" * 160)),
        (ours.dtmf("1"), theirs.dtmf("1")),
        (ours.mark("m"), theirs.mark("m")),
        (ours.stop(), theirs.stop()),
    ]

    assert [json.loads(mine) for mine, _ in written] == [other for _, other in written]


@pytest.mark.parametrize(
    "frame",
    [
        b"\x00",
        "{",
        "[]",
        "{}",
        text(event="media"),
        text(event="media", media={"payload": "A"}),
        text(event="mark", mark={}),
        json.dumps({"event": "clear"}),
        json.dumps({"event": "clear", "streamSid": "MZ2"}),
    ],
)
def test_what_another_reading_refuses_is_refused_here_too(frame):
    with pytest.raises(streamdouble.ProtocolViolation):
        streamdouble.parse_outbound(frame, expected_stream_sid=SID)
    with pytest.raises(messages.Refused):
        messages.understand(frame, SID)


def test_a_thin_stream_leaves_out_all_that_is_optional():
    writer = messages.Writer("AC1", "CA1", "MZ1", thin=True)
    sids = {"accountSid": "AC1", "streamSid": "MZ1", "callSid": "CA1"}

    written = [writer.start({"token": "t"}), writer.start({}), writer.media(b"\x00", 155), writer.mark("m")]

    assert [json.loads(line) for line in written] == [
        {"event": "start", "start": sids | {"customParameters": {"token": "t"}}, "streamSid": "MZ1"},
        {"event": "start", "start": sids, "streamSid": "MZ1"},
        {"event": "media", "media": {"payload": "AA=="}, "streamSid": "MZ1"},
        {"event": "mark", "mark": {"name": "m"}, "streamSid": "MZ1"},
    ]


def test_another_format_can_be_announced():
    start = messages.Writer("AC1", "CA1", "MZ1").start({}, {"encoding": "audio/x-l16"})

    assert json.loads(start)["start"]["mediaFormat"] == {"encoding": "audio/x-l16"}
