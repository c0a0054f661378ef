"""What a whole call leaves outside the database: nothing that was said, pressed, sent or secret."""

from pathlib import Path

from calls.emulators.phone import Faults
from calls.lab import scratch
from calls.models import Message
from tests.journeys.conftest import PERSON, story

CALLER = "+15550123456"
CANARIES = {
    "the caller's number": CALLER[2:],
    "the caller's name": "Canaria Miller",
    "the caller's words": "yellow bird is in the boiler",
    "the address": "17 Canary Row",
    "the e-mail address": "canary@birds.example",
    "the agent's words": "canaries are our pleasure",
    "a tool's argument": "The yellow bird wants out",
    "keys pressed": "4111111111111111",
    "the caller's name at the carrier": "CANARIA M",
    "the caller's town": "CANARYVILLE",
    "the person's number": PERSON[2:],
    "the key of OpenAI": scratch.EMULATED_KEY,
}
STEPS = """
- agent: {text: "Hello, canaries are our pleasure."}
- say: {text: "This is Canaria Miller, 17 Canary Row, canary@birds.example, and the yellow bird is in the boiler."}
- agent:
    text: "I write that down."
    tool: take_message
    arguments: {caller_name: Canaria Miller, text: "The yellow bird wants out, 17 Canary Row.", number: "+15550123456"}
- agent: {text: "Press your number."}
- dtmf: "4111111111111111"
- agent: {text: "Thank you. Goodbye.", tool: end_call}
"""


def test_a_whole_call_leaves_none_of_its_words_numbers_and_secrets_in_the_log_or_the_process_list(town):
    told = Faults(extra_fields={"CallerName": "CANARIA M", "FromCity": "CANARYVILLE"}, duplicate_webhook=True)

    call = town.ring(story(STEPS, caller=CALLER), faults=told)

    written = town.server.written() + Path(f"/proc/{town.server.pid}/cmdline").read_text()
    stream_token = call.heard.documents[0].split('name="token" value="')[1].split('"')[0]
    secrets = {"Twilio's token": town.token, "the token of the stream": stream_token}
    assert call.row.call_sid in written
    assert Message.objects.get(call=call.row).caller_name == "Canaria Miller"
    assert {name: text for name, text in (CANARIES | secrets).items() if text in written} == {}
