"""What is printed of calls, while they last and afterwards."""

from pathlib import Path

from calls.emulators import sound
from calls.emulators.phone_result import CallResult, Piece, StreamRecord
from calls.lab import report
from calls.lab.calling import Outcome, emulator_address
from calls.lab.dialogue import Dialogue
from calls.models import Call


def outcome(first_audio_ms, **tokens):
    heard = CallResult("CA1", ended_ms=3000)
    heard.streams.append(StreamRecord("MZ1", "wss://example.com", started_ms=0.0))
    heard.ear.append(Piece(first_audio_ms, sound.tone(200), "stream"))
    row = Call(call_sid="CA1", status="ended", end_reason="caller_hangup", **tokens)
    return Outcome(
        heard, [{"turns": [{"role": "user"}], "tools": []}, {"turns": [], "tools": [1]}], row, Path("/a.wav")
    )


def test_json_of_a_call_has_the_promised_keys():
    assert outcome(700).as_json() == {
        "call_sid": "CA1",
        "status": "ended",
        "end_reason": "caller_hangup",
        "first_audio_ms": 700,
        "longest_silence_ms": 700,
        "barge_in_ms": [],
        "turns": [{"role": "caller"}],
        "tools": [1],
        "protocol_violations": [],
        "heard_wav": "/a.wav",
    }


def test_what_cannot_be_known_is_null():
    unknown = Outcome(CallResult("CA1"), None, None).as_json()

    assert {name for name, value in unknown.items() if value is None} == {
        "status", "end_reason", "first_audio_ms", "turns", "tools", "heard_wav"
    }  # fmt: skip


def test_figures_of_one_call():
    lines = []

    report.figures(outcome(700), lines.append)

    assert lines == [
        "Time to first audio   700 ms",
        "Longest silence       700 ms",
        "Barge-in reaction     the caller never spoke over the agent",
        "How it ended          ended: The caller hung up",
        "Recording             /a.wav (caller left, agent right)",
    ]


def test_several_calls_are_summed_up():
    runs = [(outcome(700, input_tokens=100, cached_tokens=40, output_tokens=50), []), (outcome(900), ["Too late."])]

    summary = report.several(runs)
    lines = []
    report.series(summary, lines.append)

    assert lines == [
        "Passed                1 of 2 (50%)",
        "Time to first audio   median 800 ms, worst 900 ms",
        "Longest silence       median 800 ms, worst 900 ms",
        "Barge-in reaction     median none, worst none",
        "Tokens                100 in (40 cached), 50 out",
    ]
    assert [run["shortcomings"] for run in summary["runs"]] == [[], ["Too late."]]


def test_dialogue_tells_each_line_once_and_in_order():
    lines = []
    dialogue = Dialogue(lines.append)
    greeting, question = {"role": "assistant", "text": "Hello."}, {"role": "user", "text": ""}
    answer = {"role": "assistant", "text": "From\n eight."}
    tool = {"name": "take_message", "arguments": {"name": "Al"}, "result": None}
    session = {"turns": [greeting, question, answer], "tools": [tool]}

    dialogue.see([session])
    first = [*lines]
    question["text"], tool["result"] = "When?", "taken"
    dialogue.see([session])
    second = [*lines]
    answer["text"] += " Until six."
    dialogue.see([session])
    dialogue.see([session])
    dialogue.see([session])

    assert first == ["  Agent  Hello."]
    assert second[1:] == ["  Caller When?", '  Tool   take_message({"name": "Al"}) → taken']
    assert lines == [
        "  Agent  Hello.",
        "  Caller When?",
        '  Tool   take_message({"name": "Al"}) → taken',
        "  Agent  From eight. Until six.",
    ]


def test_dialogue_waits_no_longer_for_a_transcript_when_the_call_is_over():
    lines = []

    Dialogue(lines.append).see([{"turns": [{"role": "user", "text": ""}], "tools": []}], last=True)

    assert lines == ["  Caller "]


def test_only_an_address_of_this_machine_is_an_emulators():
    assert emulator_address("ws://127.0.0.1:8765/v1/realtime") == "http://127.0.0.1:8765"
    assert emulator_address("wss://api.openai.com/v1/realtime") is None
    assert emulator_address("") is None
