import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from calls.realtime import codec, wire

CLIENT_EVENTS = TypeAdapter(RealtimeClientEvent)


def parse(**event):
    return codec.parse(json.dumps(event))


def test_session_events():
    format_ = {"type": "audio/pcmu"}
    session = {"id": "sess_1", "model": "m", "audio": {"input": {"format": format_}, "output": {"format": format_}}}

    assert parse(type="session.created", session=session) == wire.SessionCreated("sess_1", "m")
    assert parse(type="session.created", session={"expires_at": 1795172400}) == wire.SessionCreated("", "", 1795172400)
    assert parse(type="session.updated", session=session) == wire.SessionUpdated("audio/pcmu", "audio/pcmu")
    assert parse(type="session.updated") == wire.SessionUpdated("", "")


def test_error_keeps_what_it_is_about():
    error = {"type": "invalid_request_error", "code": "invalid_value", "message": "No.", "param": "x", "event_id": "e1"}

    assert parse(type="error", error=error) == wire.ErrorEvent("invalid_value", "No.", "e1", "x")
    assert parse(type="error", error={"code": None, "event_id": None}) == wire.ErrorEvent("")
    assert parse(type="error", error={"type": "server_error", "code": None}) == wire.ErrorEvent("server_error")


def test_callers_turn():
    assert parse(type="input_audio_buffer.speech_started", item_id="u", audio_start_ms=20) == wire.SpeechStarted(
        "u", 20
    )
    assert parse(type="input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=90) == wire.SpeechStopped("u", 90)
    assert parse(type="input_audio_buffer.committed", item_id="u", previous_item_id=None) == wire.Committed("u")
    prefix = "conversation.item.input_audio_transcription."
    assert parse(type=f"{prefix}completed", item_id="u", transcript="Hi") == wire.TranscriptCompleted("u", "Hi")
    assert parse(type=f"{prefix}failed", item_id="u", error={"code": "c"}) == wire.TranscriptFailed("u", "c")


def test_agents_turn():
    part = {"response_id": "r", "item_id": "a", "content_index": 1}
    audio = parse(type="response.output_audio.delta", delta="/////w==", **part)

    assert audio == wire.OutputAudioDelta("r", "a", 1, "/////w==", 4)
    assert parse(type="response.output_audio.done", **part) == wire.OutputAudioDone("a", 1)
    assert parse(type="response.output_audio_transcript.delta", delta="Hi", **part) == wire.AgentTextDelta(
        "a", 1, "Hi", "r"
    )
    assert parse(type="response.output_audio_transcript.done", transcript="Hi", **part) == wire.AgentText(
        "a", 1, "Hi", "r"
    )


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"id": "r", "conversation_id": "c"}, wire.ResponseCreated("r")),
        ({"id": "r"}, wire.ResponseCreated("r")),
        ({"id": "r", "conversation_id": None}, wire.ResponseCreated("r", out_of_band=True)),
    ],
)
def test_response_outside_the_conversation_is_told_apart(response, expected):
    assert parse(type="response.created", response=response) == expected


def test_done_response_says_why_and_what_it_used():
    usage = {"input_tokens": 310, "output_tokens": 81, "input_token_details": {"cached_tokens": 256}}
    failed = {"type": "failed", "error": {"type": "invalid_request_error", "code": "insufficient_quota"}}
    cut = {"type": "cancelled", "reason": "turn_detected"}

    done = [
        parse(type="response.done", response={"id": "r", "status": "completed", "usage": usage}),
        parse(type="response.done", response={"id": "r", "status": "failed", "status_details": failed, "usage": None}),
        parse(type="response.done", response={"id": "r", "status": "cancelled", "status_details": cut}),
    ]

    assert done == [
        wire.ResponseDone("r", "completed", "", wire.Usage(310, 256, 81)),
        wire.ResponseDone("r", "failed", "insufficient_quota"),
        wire.ResponseDone("r", "cancelled", "turn_detected"),
    ]


def test_note_beside_the_conversation_carries_its_kind_and_text():
    content = [{"type": "output_text", "text": "A tap "}, {"type": "output_text", "text": "drips."}, None]
    response = {
        "id": "r",
        "status": "completed",
        "metadata": {"kind": "summary"},
        "output": [{"content": content}, 7, {"content": None}],
    }

    assert parse(type="response.done", response=response) == wire.ResponseDone(
        "r", "completed", kind="summary", text="A tap drips."
    )


def test_tool_call_counts_only_when_complete():
    item = {"id": "f", "type": "function_call", "call_id": "c1", "name": "end_call", "arguments": "{}"}

    called = parse(type="response.output_item.done", response_id="r", item={**item, "status": "completed"})
    cut = parse(type="response.output_item.done", response_id="r", item={**item, "status": "incomplete"})

    assert called == wire.ToolCalled("r", "f", "c1", "end_call", "{}")
    assert cut == wire.Unknown("response.output_item.done")


@pytest.mark.parametrize(
    "frame", ["", "[]", "{}", '{"type":1}', b"\xff\xfe", '{"type":"response.output_audio.delta","delta":"@"}']
)
def test_nonsense_is_malformed_and_nothing_else(frame):
    with pytest.raises(codec.Malformed):
        codec.parse(frame)


@given(
    st.sampled_from([*codec._READERS, "new.event"]),
    st.dictionaries(
        st.sampled_from(["item", "item_id", "response", "error", "delta", "session", "audio_end_ms", "content_index"]),
        st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)),
    ),
)
def test_whatever_openai_sends_is_an_event_or_malformed(type_, fields):
    try:
        event = codec.parse(json.dumps({"type": type_, **fields}))
    except codec.Malformed:
        assert type_ == "response.output_audio.delta"
    else:
        assert isinstance(event, wire.ServerEvent)


EVENTS = [
    wire.AppendAudio("/w=="),
    wire.CommitAudio(),
    wire.AddText("keypad-1", "user", "(The caller pressed 1.)"),
    wire.AddText("advice-1", "system", "Say the safety sentence."),
    wire.AddText("greeting", "assistant", "Hello.", previous_item_id="root"),
    wire.AddToolCall("item_F1", "call_1", "find_slots", '{"day": "monday"}'),
    wire.ToolOutput("answer-1", "call_1", "{}"),
    wire.TruncateItem("item_1", 0, 120),
    wire.DeleteItem("item_1"),
    wire.CreateResponse("response-1"),
    wire.CreateResponse("response-1", "Say exactly this."),
    wire.CancelResponse("resp_1"),
    wire.CreateNote("summary", "Sum up."),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_is_sent_is_valid_by_openais_own_types_to_the_last_key(event):
    frame = json.loads(codec.serialize(event))

    assert CLIENT_EVENTS.validate_python(frame).model_dump(exclude_unset=True, mode="json") == frame


def test_greeting_knows_no_past_and_calls_no_tool():
    frame = json.loads(codec.serialize(wire.CreateResponse("response-1", "Say hello.")))

    assert frame["response"] == {"instructions": "Say hello.", "input": [], "tool_choice": "none"}


DETAILS = {"text_tokens": 200, "audio_tokens": 110, "cached_tokens": 256}


@pytest.mark.parametrize(
    ("details", "cached_audio"),
    [
        (DETAILS | {"cached_tokens_details": {"text_tokens": 192, "audio_tokens": 64}}, 64),
        (DETAILS, 56),
        (DETAILS | {"cached_tokens": 128}, 0),
        ({"cached_tokens": 256}, 0),
    ],
    ids=["told by kind", "more than all text", "text alone", "nothing told"],
)
def test_used_tokens_are_told_by_kind_and_cached_text_comes_first(details, cached_audio):
    usage = {
        "input_tokens": 310,
        "output_tokens": 81,
        "input_token_details": details,
        "output_token_details": {"text_tokens": 20, "audio_tokens": 61},
    }

    done = codec.parse(json.dumps({"type": "response.done", "response": {"id": "r", "usage": usage}}))

    assert done.usage == wire.Usage(310, details["cached_tokens"], 81, details.get("audio_tokens", 0), cached_audio, 61)


def test_texts_and_numbers_beyond_all_measure_are_cut():
    said = parse(type="response.output_audio_transcript.done", item_id="i", transcript="x" * 100_000)
    used = parse(type="response.done", response={"id": "r", "usage": {"input_tokens": 2**40, "output_tokens": 7}})

    assert len(said.text) == codec.LONGEST_TEXT
    assert (used.usage.input_tokens, used.usage.output_tokens) == (0, 7)


def test_sound_is_never_cut():
    payload = "AAAA" * 100_000

    assert parse(type="response.output_audio.delta", delta=payload).payload == payload
