"""Rows O: what goes wrong on OpenAI's side."""

from collections.abc import Iterator

from calls.lab.faults.stage import House, ModelFaults, Rung
from calls.lab.faults.table import Row, a_call

HANDED_OVER = "ended, upstream_unavailable"
LOST = "ended, upstream_lost"
TALK = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
- agent: {text: "From eight until six."}
- hang_up: true
"""
TALKED = [("agent", "How can I help?"), ("caller", "When are you open?"), ("agent", "From eight until six.")]
NOTHING = "[]"
NOBODY_ANSWERS = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
"""
CUT = (
    NOBODY_ANSWERS.replace("{", "{{").replace("}", "}}")
    + """
- agent: {{text: "We are open from eight in the morning until six in the evening.", fault: {}}}
- agent: {{text: "From eight until six."}}
- hang_up: true
"""
)
BARGE_IN = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
- agent: {text: "We are open from eight in the morning until six in the evening, Monday to Friday."}
- say: {text: "Thank you, that is enough.", barge_in_ms: 800}
- agent: {text: "You are welcome."}
- hang_up: true
"""


def talked(rung: Rung, house: House) -> Iterator[str]:
    """The call was an ordinary one from the first word to the last."""
    if rung.turns != TALKED:
        yield f"The transcript is {rung.turns}."
    if len(rung.sessions) != 1:
        yield f"{len(rung.sessions)} sessions were opened."


def answered(rung: Rung, house: House) -> Iterator[str]:
    """The agent said all that it had to say, whatever was written down of the caller."""
    spoken = [turn for turn in rung.turns if turn[0] == "agent"]
    if spoken != [turn for turn in TALKED if turn[0] == "agent"]:
        yield f"The agent's words are {spoken}."


def resumed(rung: Rung, house: House) -> Iterator[str]:
    """The conversation goes on where it was, in a second session."""
    if len(rung.sessions) != 2:
        yield f"{len(rung.sessions)} sessions were opened."
    yield from one_answer(rung, house)


def no_session(rung: Rung, house: House) -> Iterator[str]:
    if rung.sessions:
        yield f"{len(rung.sessions)} sessions were opened."


def once(rung: Rung, house: House) -> Iterator[str]:
    """A key that is refused is not tried again."""
    if len(rung.sessions) > 1:
        yield f"{len(rung.sessions)} sessions were tried."


def no_noise(rung: Rung, house: House) -> Iterator[str]:
    if rung.heard.heard_audio:
        yield f"{len(rung.heard.heard_audio)} bytes in a wrong format were played."


def cut_off(rung: Rung, house: House) -> Iterator[str]:
    """The interrupted sentence is neither heard nor written down beyond what was heard."""
    [barge_in] = rung.heard.barge_ins
    if barge_in.quiet_ms > 1000:
        yield f"The agent went on for {barge_in.quiet_ms} ms."
    if barge_in.clear_ms is None:
        yield "No clear was sent."
    if not any(turn.interrupted for turn in rung.row.turns.all()) if rung.row else True:
        yield "No turn is marked as interrupted."


def flagged(rung: Rung, house: House) -> Iterator[str]:
    if rung.row is None or not rung.row.needs_review:
        yield "The call is not flagged for review."


def one_answer(rung: Rung, house: House) -> Iterator[str]:
    spoken = [text for role, text in rung.turns if role == "agent"]
    if len(spoken) != len(set(spoken)):
        yield f"Something was said twice: {spoken}."


ROWS: tuple[Row, ...] = (
    Row(
        number="O1",
        fault="no OPENAI_API_KEY",
        act=a_call(NOTHING, settings={"OPENAI_API_KEY": ""}, reached="a person", stored=HANDED_OVER, check=no_session),
    ),
    Row(
        number="O2",
        fault="handshake answered 401",
        act=a_call(NOTHING, model=ModelFaults(upgrade_status=401), reached="a person", stored=HANDED_OVER, check=once),
    ),
    Row(
        number="O3",
        fault="handshake answered 429",
        act=a_call(NOTHING, model=ModelFaults(upgrade_status=429), reached="a person", stored=HANDED_OVER),
    ),
    Row(
        number="O4",
        fault="handshake answered 503",
        act=a_call(NOTHING, model=ModelFaults(upgrade_status=503), reached="a person", stored=HANDED_OVER),
    ),
    Row(
        number="O4b",
        fault="nobody listens at OpenAI's address",
        act=a_call(
            NOTHING,
            settings={"OPENAI_REALTIME_URL": "ws://127.0.0.1:9/v1/realtime"},
            reached="a person",
            stored=HANDED_OVER,
        ),
    ),
    Row(
        number="O5",
        fault="handshake hangs: the connection is taken and nothing is said",
        act=a_call(NOTHING, model=ModelFaults(upgrade_ms=14_000), reached="a person", stored=HANDED_OVER),
        guards=("filler",),
    ),
    Row(
        number="O5b",
        fault="session.created never comes",
        act=a_call(TALK, model=ModelFaults(never_created=True), check=talked),
    ),
    Row(
        number="O5c",
        fault="session.update is never answered",
        act=a_call(NOTHING, model=ModelFaults(never_updated=True), reached="a person", stored=HANDED_OVER),
        guards=("filler", "limit"),
    ),
    Row(
        number="O6",
        fault="the socket is closed with 4000 as for the beta's shape",
        act=a_call(NOTHING, model=ModelFaults(close_on_open=4000), reached="a person", stored=HANDED_OVER),
    ),
    Row(
        number="O7",
        fault="the line is cut in the middle of an answer",
        act=a_call(CUT.format("drop"), broken_off=True, check=resumed),
        guards=("resume",),
    ),
    Row(
        number="O7b",
        fault="the line is closed with 1011 in the middle of an answer",
        act=a_call(CUT.format("{close: 1011}"), broken_off=True, check=resumed),
        guards=("resume",),
    ),
    Row(
        number="O7c",
        fault="the line is cut, and no other is to be had",
        act=a_call(
            CUT.format("drop"),
            model=ModelFaults(most_sessions=1),
            broken_off=True,
            reached="a person",
            stored=LOST,
        ),
    ),
    Row(
        number="O8",
        fault="the session is over after 8 s instead of an hour",
        act=a_call(
            """
            - agent: {text: "How can I help?"}
            - wait_ms: 9000
            - say: {text: "When are you open?"}
            - agent: {text: "From eight until six."}
            - hang_up: true
            """,
            model=ModelFaults(session_ms=8000),
            check=answered,
        ),
        guards=("resume",),
    ),
    Row(
        number="O9",
        fault="session.update refused once",
        act=a_call(TALK, model=ModelFaults(reject_updates=1), check=answered),
    ),
    Row(
        number="O9b",
        fault="session.update refused every time",
        act=a_call(
            NOTHING,
            model=ModelFaults(reject_updates=99),
            reached="a person",
            stored=HANDED_OVER,
            check=no_noise,
        ),
    ),
    Row(
        number="O10",
        fault="a response fails for want of credit (insufficient_quota)",
        act=a_call(NOBODY_ANSWERS + "- agent: {fault: {error: insufficient_quota}}", reached="a person", stored=LOST),
    ),
    Row(
        number="O11",
        fault="a response fails once (server_error)",
        act=a_call(
            """
            - agent: {text: "How can I help?"}
            - say: {text: "When are you open?"}
            - agent: {fault: error}
            - agent: {text: "From eight until six."}
            - hang_up: true
            """,
            check=talked,
        ),
    ),
    Row(
        number="O12",
        fault="malformed JSON, unknown events and unknown keys among the good ones",
        act=a_call(
            TALK,
            model=ModelFaults(malformed_json=True, unknown_events=True, extra_keys=True),
            check=talked,
        ),
        guards=("malformed_events",),
    ),
    Row(
        number="O13",
        fault="response.created, and then nothing for ever",
        act=a_call(
            NOBODY_ANSWERS
            + """
- agent: {fault: stall}
- agent: {text: "From eight until six."}
- hang_up: true
""",
            check=talked,
        ),
        guards=("filler",),
    ),
    Row(
        number="O13c",
        fault="the same, and again when it is asked once more",
        act=a_call(
            NOBODY_ANSWERS + "- agent: {fault: stall}\n- agent: {fault: stall}", reached="a person", stored=LOST
        ),
        guards=("filler", "limit"),
    ),
    Row(
        number="O13b",
        fault="the model takes everything and never answers",
        act=a_call(NOTHING, model=ModelFaults(never_respond=True), reached="a person", stored=HANDED_OVER),
        guards=("filler", "limit"),
    ),
    Row(
        number="O14",
        fault="sound comes at half the speed of speech",
        act=a_call(TALK, emulator={"pace": 0.5}, check=talked),
    ),
    Row(
        number="O14b",
        fault="sound comes in bursts, 600 times as fast as speech",
        act=a_call(TALK, emulator={"pace": 600.0}, check=talked),
    ),
    Row(
        number="O15",
        fault="session.updated tells of PCM16 instead of mu-law",
        act=a_call(NOTHING, model=ModelFaults(wrong_echo=True), reached="a person", stored=HANDED_OVER, check=no_noise),
        guards=("session_format",),
    ),
    Row(
        number="O15b",
        fault="PCM16 comes although mu-law was agreed on",
        act=a_call(
            NOTHING, model=ModelFaults(linear_deltas=True), reached="a person", stored=HANDED_OVER, check=no_noise
        ),
        guards=("sound_format",),
    ),
    Row(
        number="O16",
        fault="sound of a cancelled response still comes",
        act=a_call(BARGE_IN, model=ModelFaults(late_deltas=20), emulator={"pace": 1.5}, check=cut_off),
        guards=("late_sound",),
    ),
    Row(
        number="O17",
        fault="what the caller said cannot be written down",
        act=a_call(TALK, model=ModelFaults(transcription_fails=True), check=answered),
    ),
    Row(
        number="O18",
        fault="response.done comes twice, or without its response.created",
        act=a_call(TALK, model=ModelFaults(duplicate_done=True, done_without_created=True), check=one_answer),
    ),
    Row(
        number="O19",
        fault="arguments of tools that make no sense",
        act=a_call(
            """
            - agent: {text: "How can I help?"}
            - say: {text: "When are you open?"}
            - agent: {tool: find_slots, arguments: {service: [[[]]], day: -1}}
            - agent: {tool: book_appointment, arguments: {slot: "' OR 1=1 --", name: 7}}
            - agent: {text: "From eight until six."}
            - hang_up: true
            """,
            emulator={"think_ms": 50},  # three responses one after the other, and no filler between
            check=talked,
        ),
    ),
    Row(
        number="O21",
        fault="the caller hangs up while a tool runs",
        act=a_call(
            """
            - agent: {text: "How can I help?"}
            - say: {text: "Please take a message."}
            - agent: {tool: take_message, arguments: {caller_name: Ann, text: "The tap drips."}}
            - wait_ms: 350
            - hang_up: true
            """,
        ),
    ),
    Row(
        number="O22",
        fault="the model claims a booking that it never made",
        act=a_call(
            """
            - agent: {text: "How can I help?"}
            - say: {text: "Please book me in."}
            - agent: {text: "You're booked for Tuesday at nine."}
            - hang_up: true
            """,
            check=flagged,
        ),
    ),
    Row(
        number="O23",
        fault="rate_limits.updated at an unusual place",
        act=a_call(TALK, model=ModelFaults(rate_limits_first=True), check=talked),
    ),
    Row(
        number="O24",
        fault="HTTPS_PROXY in the environment names a proxy that is not there",
        act=a_call(
            TALK, settings={"HTTPS_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}, check=talked
        ),
    ),
)
