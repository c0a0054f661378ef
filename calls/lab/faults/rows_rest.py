"""Rows T24: Twilio's REST interface fails while a call wants something.

A transfer and a hang-up go another way: the outcome is written, the stream is closed, and Twilio asks what follows. So
they have to work whatever REST answers. What needs it is the ring of somebody on call for an emergency.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

from django.utils import timezone

from calls.admin.reaching import EMERGENCY_TONES
from calls.lab.faults.stage import House, Rung, Stage, story
from calls.lab.faults.table import Row, Seen, judged, left_over, whom
from calls.models import Emergency, EmergencyAlert

HEARD = "ended, caller_hangup"
AGAIN_WITHIN = timedelta(seconds=6)
# HTTP status and Twilio's code; None cuts the connection.
ANSWERS: tuple[tuple[int, int] | None, ...] = (None, (401, 20003), (429, 20429), (404, 20404))
TRANSFER = """
- agent: {text: "How can I help?"}
- say: {text: "I want to speak to a person."}
- agent: {text: "I am connecting you.", tool: transfer_to_person, arguments: {reason: A burst pipe.}}
"""
GOODBYE = """
- agent: {text: "How can I help?"}
- say: {text: "Thank you, that is all."}
- agent: {text: "Goodbye, then.", tool: end_call}
"""
EMERGENCY = """
- agent: {text: "How can I help?"}
- say: {text: "There is a smell of gas in my kitchen."}
- agent: {tool: report_emergency, arguments: {kind: gas, description: A smell of gas.}}
- agent: {text: "Please leave the house now. What is your address?"}
- say: {text: "Twelve Elm Street."}
- agent: {tool: report_emergency, arguments: {kind: gas, description: A smell of gas., address: 12 Elm Street}}
- agent: {text: "Nobody could be rung yet. It is tried again, and somebody will call you back."}
- hang_up: true
"""


class FailingRest:
    """Twilio's address, at which everything fails as `answer` says; `asked` counts the requests."""

    def __init__(self) -> None:
        self.answer: tuple[int, int] | None = None
        self.asked = 0
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator["FailingRest"]:
        rest = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                rest.asked += 1
                if rest.answer is None:
                    self.close_connection = True
                    return
                status, code = rest.answer
                body = json.dumps({"status": status, "code": code, "message": "On demand."}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *said: object) -> None:
                """Nothing: the row counts for itself."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield self
        finally:
            server.shutdown()
            serving.join()
            server.server_close()


def leaving_without_rest(stage: Stage) -> Seen:
    """For each answer one caller who wants a person and one who says goodbye, at the same time."""
    with FailingRest().serving() as rest, stage.house(TWILIO_API_BASE_URL=rest.url) as house:
        for number, answer in enumerate(ANSWERS):
            rest.answer = answer
            stories = [story(TRANSFER, caller=f"+1555050{number:04}"), story(GOODBYE, caller=f"+1555051{number:04}")]
            to_person, over = house.ring_all(stories)
            if number == 0:
                seen = judged(to_person, house, reached="a person", stored="ended, transferred")
            seen.shortcomings.extend(_left(to_person, over, house, answer))
    if rest.asked:
        seen.shortcomings.append(f"REST was asked {rest.asked} times.")
    return replace(seen, stored=f"{seen.stored}; the person or the goodbye was reached without REST: nothing is owed")


def _left(to_person: Rung, over: Rung, house: House, answer: object) -> Iterator[str]:
    if (whom(to_person.heard), to_person.stored) != ("a person", "ended, transferred"):
        yield f"{answer}: the transfer reached {whom(to_person.heard)}, {to_person.stored}."
    if (over.heard.ended_by, over.stored) != ("server", "ended, agent_hangup"):
        yield f"{answer}: the goodbye ended by {over.heard.ended_by}, {over.stored}."
    yield from (f"{answer}: {sentence}" for rung in (to_person, over) for sentence in left_over(rung, house))


def nobody_on_call_can_be_rung(stage: Stage) -> Seen:
    """No Callback stands for it: that would be dialed by the same REST. The emergency does, once: it stays open and red
    in the admin, it is tried again within seconds, and the owner is told to ring the caller. The caller hears that too.
    """
    with FailingRest().serving() as rest:
        rest.answer = (401, 20003)
        with stage.house(TWILIO_API_BASE_URL=rest.url) as house:
            rung = house.ring(story(EMERGENCY))
            seen = judged(rung, house, reached="the agent", stored=HEARD)
            emergency = Emergency.objects.get()
            results = [alert.result for alert in EmergencyAlert.objects.all()]
    found = seen.shortcomings
    if not rest.asked or not results or not all(result.startswith("not_placed") for result in results):
        found.append(f"REST was asked {rest.asked} times, the alerts are {results}.")
    claimed = emergency.claimed_until
    if emergency.status != Emergency.Status.OPEN or claimed is None or claimed > timezone.now() + AGAIN_WITHIN:
        found.append(f"The emergency is {emergency.status}, and is tried again at {claimed}.")
    if EMERGENCY_TONES[emergency.status] != "bad":
        found.append("The admin does not show it in red.")
    if rung.row is None or not rung.row.next_action.startswith("Ring the caller now"):
        found.append("Nobody is told to ring the caller.")
    told = [tool.result["next"] for tool in rung.row.tool_calls.order_by("pk")] if rung.row else []
    if len(told) != 2 or "somebody will call the caller back" not in told[-1]:
        found.append(f"The agent was told to say: {told}.")
    stands = f"one emergency, {emergency.status}: red in the admin, tried again and again"
    return replace(seen, stored=f"{seen.stored}; {stands}; next: {rung.row.next_action if rung.row else '–'}")


_ACTS: list[tuple[str, str, Callable[[Stage], Seen]]] = [
    ("T24", "REST is cut off, or answers 401, 429, 20404, in a transfer and in a hang-up", leaving_without_rest),
    ("T24b", "REST answers 401 when somebody on call is to be rung for an emergency", nobody_on_call_can_be_rung),
]
ROWS = tuple(Row(number=number, fault=fault, act=act) for number, fault, act in _ACTS)
