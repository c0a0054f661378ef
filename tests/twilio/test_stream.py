import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.twilio import stream

SID = "MZ" + "0" * 32


def frame(**fields):
    return json.dumps(fields)


def media(payload, **fields):
    return frame(event="media", streamSid=SID, media={"payload": payload, **fields})


def test_messages_as_twilio_documents_them():
    start = {
        "accountSid": "AC1",
        "streamSid": SID,
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "t"},
    }
    numbered = {"sequenceNumber": "4", "streamSid": SID}
    frames = [
        frame(event="connected", protocol="Call", version="1.0.0"),
        frame(event="start", start=start, **numbered),
        frame(
            event="media", media={"track": "inbound", "chunk": "1", "timestamp": "155", "payload": "/w=="}, **numbered
        ),
        frame(event="dtmf", dtmf={"track": "inbound_track", "digit": "#"}, **numbered),
        frame(event="mark", mark={"name": "0:item:0:160"}, **numbered),
        frame(event="stop", stop={"accountSid": "AC1", "callSid": "CA1"}, **numbered),
    ]

    assert [stream.parse(text) for text in frames] == [
        (stream.Connected(), ""),
        (stream.Start(SID, "CA1", "AC1", "audio/x-mulaw", 8000, {"token": "t"}), SID),
        (stream.Media("/w==", 155), SID),
        (stream.Dtmf("#"), SID),
        (stream.Mark("0:item:0:160"), SID),
        (stream.Stop(), SID),
    ]


def test_optional_fields_may_be_missing():
    assert stream.parse(frame(event="start", streamSid=SID)) == (stream.Start(SID), SID)
    assert stream.parse(media("/w==")) == (stream.Media("/w==", None), SID)
    assert stream.parse(frame(event="media", media={"payload": "/w=="})) == (stream.Media("/w=="), "")
    assert stream.parse(frame(event="stop")) == (stream.Stop(), "")


def test_kind_that_is_not_known_survives_as_such():
    assert stream.parse(frame(event="party", streamSid=SID)) == (stream.Unknown("party"), SID)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not JSON",
        "[]",
        "7",
        "{}",
        '{"event": 7}',
        frame(event="start"),
        frame(event="start", streamSid='"}'),
        media(""),
        media("@@@"),
        media("abc"),
        media("ÿÿÿÿ"),
        frame(event="media", media=[1]),
        frame(event="dtmf", dtmf={"digit": "12"}),
        "[" * 5000,
        '{"event":"media","media":{"payload":"' + "A" * (stream.MAX_FRAME + 4) + '"}}',
        '{"event": "\ud800"}',
    ],
)
def test_nonsense_is_malformed_and_nothing_else(text):
    with pytest.raises(stream.Malformed):
        stream.parse(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_whatever_a_peer_sends_is_a_message_or_malformed(value):
    for event in ("start", "media", "mark", "dtmf", "stop", "connected"):
        with contextlib.suppress(stream.Malformed):
            stream.parse(json.dumps({"event": event, event: value, "streamSid": value}))


@pytest.mark.parametrize("timestamp", ["x", None, "1e9", [], 1.5, "9" * 5000, "9" * 400, -(2**64)])
def test_timestamp_that_is_no_number_counts_as_missing_or_whole(timestamp):
    message, _ = stream.parse(media("/w==", timestamp=timestamp))

    assert message.timestamp_ms in (None, 1)


def test_only_three_kinds_leave_and_in_twilios_shape():
    frames = [stream.serialize(m, SID) for m in (stream.Media("/w=="), stream.Mark('a"b'), stream.Clear())]

    assert [json.loads(text) for text in frames] == [
        {"event": "media", "streamSid": SID, "media": {"payload": "/w=="}},
        {"event": "mark", "streamSid": SID, "mark": {"name": 'a"b'}},
        {"event": "clear", "streamSid": SID},
    ]
