"""The caller presses keys."""

from tests.journeys.conftest import story


def test_keys_are_told_to_the_model_and_stand_in_the_transcript(town):
    call = town.ring(
        story("""
        - agent: {text: "Press a key."}
        - dtmf: "12#"
        - agent: {text: "You pressed one and two."}
        - wait_ms: 200
        - hang_up: true
        """)
    )

    [told] = call.session.received("conversation.item.create")
    assert told["item"]["role"] == "user"
    assert "1 2 #" in told["item"]["content"][0]["text"]
    assert call.turns == [
        ("agent", "Press a key."),
        ("caller", "[keypad: 1 2 #]"),
        ("agent", "You pressed one and two."),
    ]
    assert call.event("dtmf").detail == {"digits": 3}
