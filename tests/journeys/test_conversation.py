"""A greeting, and a conversation of two turns."""

from calls.models import Call, Message
from tests.journeys.conftest import LINE, story

GREETING = "Thank you for calling. How can I help?"


def test_greeting_is_heard_and_written_down(town):
    call = town.ring(
        story(f"""
        - agent: {{text: "{GREETING}"}}
        - wait_ms: 300
        - hang_up: true
        """)
    )

    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.CALLER_HANGUP)
    assert (call.row.from_number, call.row.to_number, call.row.line.number) == ("+15550100001", LINE, LINE)
    assert call.turns == [("agent", GREETING)]
    assert call.row.first_audio_ms == call.event("first_audio").detail["after_start_ms"]
    assert len(call.heard.heard_audio) == len(GREETING) * 60 * 8
    assert call.heard.verbs == ["Connect"]
    assert call.row.streams.get().stream_sid == call.heard.stream_sid
    assert call.row.streams.get().ended_at is not None


def test_greeting_is_asked_for_in_the_agents_words(town, line):
    line.agent.greeting = "Hello from {business}, this is {agent}, an automated assistant."
    line.agent.save()

    call = town.ring(
        story("""
        - agent: {text: "Hello."}
        - hang_up: true
        """)
    )

    [asked] = call.session.received("response.create")
    assert asked["response"]["tool_choice"] == "none"
    assert asked["response"]["input"] == []
    assert "Hello from Cedar Plumbing, this is Cortana, an automated assistant." in asked["response"]["instructions"]


def test_two_turns_with_a_message_and_a_goodbye(town, line):
    call = town.ring(
        story("""
        - agent: {text: "How can I help?"}
        - say: {text: "My tap is dripping."}
        - agent: {text: "Who should we call back?"}
        - say: {text: "Robert Miller."}
        - agent:
            text: "I note that."
            tool: take_message
            arguments: {caller_name: Robert Miller, text: The kitchen tap is dripping.}
        - agent: {text: "It is noted. Goodbye.", tool: end_call}
        """)
    )

    assert call.turns == [
        ("agent", "How can I help?"),
        ("caller", "My tap is dripping."),
        ("agent", "Who should we call back?"),
        ("caller", "Robert Miller."),
        ("agent", "I note that."),
        ("agent", "It is noted. Goodbye."),
    ]
    assert call.tools == [("take_message", "ok"), ("end_call", "ok")]
    assert (call.row.status, call.row.end_reason) == (Call.Status.ENDED, Call.EndReason.AGENT_HANGUP)
    message = Message.objects.get()
    assert (message.call, message.business, message.caller_name) == (call.row, line.business, "Robert Miller")
    assert (message.text, message.number) == ("The kitchen tap is dripping.", "+15550100001")
    assert call.requests == ["voice", "action"]
    assert call.heard.verbs == ["Connect", "Hangup"]


def test_goodbye_is_heard_to_its_end_before_the_agent_hangs_up(town):
    goodbye = "Thank you for calling Cedar Plumbing, and goodbye."

    call = town.ring(
        story(f"""
        - agent: {{text: "How can I help?"}}
        - say: {{text: "Nothing, thank you."}}
        - agent: {{text: "{goodbye}", tool: end_call}}
        """)
    )

    assert len(call.heard.heard_audio) == (len("How can I help?") + len(goodbye)) * 60 * 8
    assert call.heard.streams[0].unplayed_bytes == 0
    assert [turn.interrupted for turn in call.row.turns.all()] == [False, False, False]
