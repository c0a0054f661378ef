"""What happens when the caller speaks over the agent: counted by what was heard, not by what was sent."""

import pytest

from calls.realtime import wire
from calls.twilio import stream
from tests.conversation.kit import agent_audio, events, greeted_call, greeting_call, turns, without_records

SPEAKS = wire.SpeechStarted("item_U1")


def test_reply_is_cut_at_what_the_caller_heard():
    call = greeting_call(ms=1000)
    call.receive(agent_audio(1000), 2.1)
    call.receive(stream.Mark("0:item_A1:0:8000"), 3.0)

    commands = call.receive(SPEAKS, 3.25)

    # 1000 ms by the mark and 250 ms by the clock since.
    assert without_records(commands) == [stream.Clear(), wire.TruncateItem("item_A1", 0, 1250)]
    assert events(commands) == ["barge_in"]


def test_clock_never_counts_more_than_was_received():
    call = greeting_call(ms=1000)  # the response is still being made: more may come

    assert without_records(call.receive(SPEAKS, 3.9)) == [stream.Clear(), wire.TruncateItem("item_A1", 0, 1000)]


def test_barge_in_after_generation_ended_but_before_the_sound_did():
    call = greeting_call(ms=2000)
    call.receive(wire.OutputAudioDone("item_A1", 0), 2.1)
    call.receive(wire.ResponseDone("resp_1", "completed"), 2.1)

    assert without_records(call.receive(SPEAKS, 2.5)) == [stream.Clear(), wire.TruncateItem("item_A1", 0, 500)]


def test_nothing_is_sent_when_nothing_was_playing():
    assert without_records(greeted_call().receive(SPEAKS, 4.0)) == []


def test_item_that_nobody_heard_is_deleted_not_truncated():
    call = greeting_call(ms=1000)
    call.receive(wire.OutputAudioDone("item_A1", 0), 2.05)
    call.receive(agent_audio(1000, item="item_A2"), 2.1)

    assert without_records(call.receive(SPEAKS, 2.5)) == [
        stream.Clear(),
        wire.TruncateItem("item_A1", 0, 500),
        wire.DeleteItem("item_A2"),
    ]


def test_item_heard_whole_is_left_alone_while_the_next_is_cut():
    call = greeting_call(ms=1000)
    call.receive(wire.OutputAudioDone("item_A1", 0), 2.05)
    call.receive(agent_audio(1000, item="item_A2"), 2.1)
    call.receive(stream.Mark("0:item_A1:0:8000"), 3.0)

    assert without_records(call.receive(SPEAKS, 3.5)) == [stream.Clear(), wire.TruncateItem("item_A2", 0, 500)]


def test_parts_of_one_item_are_counted_each_by_itself():
    call = greeting_call(ms=1000)
    call.receive(wire.OutputAudioDone("item_A1", 0), 2.05)
    call.receive(agent_audio(1000, index=1), 2.1)
    call.receive(stream.Mark("0:item_A1:0:8000"), 3.0)

    assert without_records(call.receive(SPEAKS, 3.2)) == [stream.Clear(), wire.TruncateItem("item_A1", 1, 200)]


def test_late_sound_of_what_was_cut_is_never_played():
    call = greeting_call(ms=1000)
    call.receive(SPEAKS, 2.5)

    assert call.receive(agent_audio(100), 2.6) == []
    assert call.receive(agent_audio(100, item="item_A2"), 2.6) == []  # another item of the cancelled response
    assert without_records(call.receive(agent_audio(100, item="item_A3", response="resp_2"), 3.0)) != []


def test_marks_that_come_back_from_a_clear_count_for_nothing():
    call = greeting_call(ms=4000)
    call.receive(SPEAKS, 2.5)
    call.receive(wire.SpeechStopped("item_U1"), 3.5)
    call.receive(wire.ResponseCreated("resp_2"), 3.5)
    call.receive(agent_audio(4000, item="item_A2", response="resp_2"), 4.0)
    # Twilio echoes the mark of the first generation, which was never played.
    call.receive(stream.Mark("0:item_A1:0:32000"), 4.1)

    assert without_records(call.receive(wire.SpeechStarted("item_U2"), 4.25)) == [
        stream.Clear(),
        wire.TruncateItem("item_A2", 0, 250),
    ]


def test_marks_carry_the_generation():
    call = greeting_call(ms=1000)
    call.receive(SPEAKS, 2.5)
    call.receive(wire.ResponseCreated("resp_2"), 3.0)

    commands = call.receive(agent_audio(100, item="item_A2", response="resp_2"), 3.1)

    assert stream.Mark("1:item_A2:0:800") in commands


def test_time_between_two_sounds_is_not_counted_as_heard():
    call = greeting_call(ms=500)  # played by 2.5; the next piece comes at 4.0
    call.receive(agent_audio(1000), 4.0)

    assert without_records(call.receive(SPEAKS, 4.2)) == [stream.Clear(), wire.TruncateItem("item_A1", 0, 700)]


def test_client_that_never_echoes_a_mark_is_followed_by_the_clock():
    call = greeting_call(ms=1000)
    call.receive(wire.OutputAudioDone("item_A1", 0), 2.1)
    call.receive(wire.ResponseDone("resp_1", "completed"), 2.1)

    # 2 s after the sound must have ended nothing is playing any more, mark or not.
    assert without_records(call.receive(SPEAKS, 5.1)) == []


def test_turn_is_cut_to_what_was_heard_and_keeps_the_rest_apart():
    call = greeting_call(ms=2000)
    call.receive(wire.AgentTextDelta("item_A1", 0, "We are open from eight to six every day."), 2.0)

    [turn] = turns(call.receive(SPEAKS, 3.0))

    assert (turn.text, turn.unheard) == ("We are open from", "eight to six every day.")
    assert (turn.role, turn.interrupted, turn.heard_ms, turn.started_ms) == ("agent", True, 1000, 2000)


def test_text_that_comes_after_the_cut_stays_unheard():
    call = greeting_call(ms=2000)
    call.receive(wire.AgentTextDelta("item_A1", 0, "We are open from eight to six every day."), 2.0)
    call.receive(SPEAKS, 3.0)

    text = "We are open from eight to six every day. And on Saturday."
    [turn] = turns(call.receive(wire.AgentText("item_A1", 0, text), 3.1))

    assert (turn.text, turn.unheard) == ("We are open from", "eight to six every day. And on Saturday.")


@pytest.mark.parametrize("code", ["response_cancel_not_active", "item_truncate_invalid_item_id", "invalid_value"])
def test_errors_of_a_race_lost_change_nothing(code):
    call = greeting_call(ms=1000)

    assert without_records(call.receive(wire.ErrorEvent(code), 2.5)) == []


def test_filler_is_cleared_but_never_truncated():
    call = greeted_call()
    call.receive(wire.SpeechStarted("item_U1"), 4.0)
    call.receive(wire.SpeechStopped("item_U1"), 5.0)
    call.wake(6.4)  # 1.8 s after the end of the speech, which was 0.5 s before OpenAI noticed

    assert without_records(call.receive(wire.SpeechStarted("item_U2"), 6.6)) == [stream.Clear()]


def test_words_that_had_no_sound_yet_were_not_said():
    call = greeted_call()
    call.receive(wire.ResponseCreated("resp_2"), 3.5)
    call.receive(wire.AgentTextDelta("item_A2", 0, "We are open", "resp_2"), 3.6)

    commands = call.receive(wire.SpeechStarted("item_U1"), 3.7)
    assert without_records(commands) == [wire.DeleteItem("item_A2")]
    assert [(turn.text, turn.unheard) for turn in turns(commands)] == [("", "We are open")]

    [late] = turns(call.receive(wire.AgentText("item_A2", 0, "We are open from eight.", "resp_2"), 3.8))
    assert (late.text, late.unheard, late.interrupted) == ("", "We are open from eight.", True)


def test_words_that_come_only_after_the_cut_were_not_said_either():
    call = greeting_call(ms=1000)
    call.receive(SPEAKS, 2.5)

    commands = call.receive(wire.AgentText("item_A2", 0, "And more.", "resp_1"), 2.6)

    assert without_records(commands) == [wire.DeleteItem("item_A2")]
    assert turns(commands)[-1].unheard == "And more."
    assert without_records(call.receive(wire.AgentText("item_A2", 0, "And more.", "resp_1"), 2.7)) == []
