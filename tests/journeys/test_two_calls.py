"""Two calls at once do not touch each other."""

import base64

from calls.models import Message
from tests.journeys.conftest import story


def script(name, number):
    return story(
        f"""
        - agent: {{text: "How can I help {name}?"}}
        - say: {{text: "{name} wants a call back."}}
        - agent:
            text: "I note that."
            tool: take_message
            arguments: {{caller_name: {name}, text: Call {name} back.}}
        - agent: {{text: "It is noted, {name}."}}
        - wait_ms: 200
        - hang_up: true
        """,
        caller=number,
        name=name,
    )


def sent_audio(session):
    return b"".join(base64.b64decode(event["delta"]) for event in session.sent("response.output_audio.delta"))


def test_two_calls_at_once_keep_their_own_words_sound_and_rows(town):
    names = {"Alice": "+15550100001", "Roberta": "+15550100002"}

    calls = town.ring_all([script(name, number) for name, number in names.items()])

    for name, call in zip(names, calls, strict=True):
        assert call.row.from_number == names[name]
        assert call.turns == [
            ("agent", f"How can I help {name}?"),
            ("caller", f"{name} wants a call back."),
            ("agent", "I note that."),
            ("agent", f"It is noted, {name}."),
        ]
        assert call.tools == [("take_message", "ok")]
        assert Message.objects.get(call=call.row).text == f"Call {name} back."
        assert call.heard.heard_audio == sent_audio(call.session)
