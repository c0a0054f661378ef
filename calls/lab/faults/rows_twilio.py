"""Rows T: what goes wrong on Twilio's side, and what others do who pretend to be Twilio."""

import json
from collections.abc import Iterator
from pathlib import Path

from calls.emulators.phone_options import Gap
from calls.lab.faults.rows_openai import BARGE_IN, NOBODY_ANSWERS, TALK, cut_off, no_session, one_answer, talked
from calls.lab.faults.stage import House, ModelFaults, PhoneFaults, Rung, Stage, story
from calls.lab.faults.table import Row, Seen, a_call, judged, left_over
from calls.models import Call, Turn

FOREIGN = "MZ" + "f" * 32
EARLY = (
    '{"event": "media", "streamSid": "STREAM_SID", "media": {"payload": "/////w=="}}',
    '{"event": "mark", "streamSid": "STREAM_SID", "mark": {"name": "1:item:0:160"}}',
    '{"event": "dtmf", "streamSid": "STREAM_SID", "dtmf": {"digit": "5"}}',
)
STRANGE = (
    '{"event": "connected", "protocol": "Call", "version": "1.0.0"}',
    '{"event": "start", "streamSid": "STREAM_SID", "start": {"callSid": "CA0", "customParameters": {}}}',
    json.dumps({"event": "media", "streamSid": FOREIGN, "media": {"payload": "AAAA" * 40}}),
    json.dumps({"event": "stop", "streamSid": FOREIGN}),
    '{"event": "weather", "streamSid": "STREAM_SID", "weather": {}}',
)
BROKEN = (
    "no JSON at all",
    "[1, 2, 3]",
    b"\x00\xff\xfe a binary frame",
    '{"event": "media", "streamSid": "STREAM_SID", "media": "' + "A" * 60_000 + '"}',
    '{"a":' * 200 + "1" + "}" * 200,
    '{"event": 7}',
)
NO_SOUND = (
    '{"event": "media", "streamSid": "STREAM_SID", "media": {"payload": "***no base64***"}}',
    '{"event": "media", "streamSid": "STREAM_SID", "media": {"payload": ""}}',
    '{"event": "media", "streamSid": "STREAM_SID", "media": {"payload": "A"}}',
    '{"event": "media", "streamSid": "STREAM_SID", "media": {}}',
)
LONG_TALK = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open on Saturdays and on Sundays?"}
- agent: {text: "From eight until noon."}
- hang_up: true
"""
LOST = "ended, stream_lost"
FREEZES_MS = 3000
GONE_WITHIN_MS = 35_000
DEAF_MS = 7000
MOST_GROWN_KB = 5 * 1024
LONG_ANSWER = f"""
- agent: {{text: "{"We are open from eight until six. " * 30}"}}
- hang_up: true
"""
COMES_BACK = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
- agent: {text: "From eight until six."}
- wait_ms: 8000
- say: {text: "And on Saturdays?"}
- agent: {text: "From eight until noon."}
- hang_up: true
"""
CAME_BACK = [
    ("agent", "How can I help?"),
    ("caller", "When are you open?"),
    ("agent", "From eight until six."),
    ("caller", "And on Saturdays?"),
    ("agent", "From eight until noon."),
]
CARD = "4111111111111111"


def one_call(rung: Rung, house: House) -> Iterator[str]:
    if Call.objects.count() != 1:
        yield f"{Call.objects.count()} calls are stored."
    yield from one_answer(rung, house)


def refused(rung: Rung, house: House) -> Iterator[str]:
    yield from no_session(rung, house)
    if Call.objects.exists():
        yield "A call is stored."


def padded(rung: Rung, house: House) -> Iterator[str]:
    """The model's clock is the sound that it receives: it keeps up with the call."""
    ends = {event.kind: event.at_ms for event in rung.row.events.all()} if rung.row else {}
    lasted_ms = ends.get("ended", 0) - ends.get("stream_started", 0)
    received_ms = len(rung.sessions[0].audio_in) / 8 if rung.sessions else 0
    if abs(received_ms - lasted_ms) > 1000:
        yield f"The model has received {received_ms:.0f} ms of a call of {lasted_ms} ms."


def answered_meanwhile(rung: Rung, house: House) -> Iterator[str]:
    """The agent does not wait for media that do not come: the turn ends without them."""
    answers = [event.at_ms for event in rung.row.events.all() if event.kind == "answer"] if rung.row else []
    asked = rung.heard.speeches[0].start_ms
    if not answers or answers[0] > asked + 6000:
        yield f"The caller spoke at {asked} ms, the agent answered at {answers} ms."


def masked(rung: Rung, house: House) -> Iterator[str]:
    written = [house.server.written(), *Turn.objects.values_list("text", flat=True)]
    if any(CARD in text for text in written):
        yield "The number of a card stands in the transcript or in the log."


def noticed(rung: Rung, house: House) -> Iterator[str]:
    """The watch over the caller's sound sees it before any limit of the connection does."""
    seen = [event.at_ms for event in rung.row.events.all() if event.kind == "no_media"] if rung.row else []
    if len(seen) != 1 or seen[0] > FREEZES_MS + GONE_WITHIN_MS:
        yield f"That nothing comes any more was noticed at {seen} ms."


def gone(stage: Stage) -> Seen:
    """Whoever is gone hears nothing: what counts is what the server makes of it, and when."""
    ends_ms = FREEZES_MS + GONE_WITHIN_MS + 4000
    with stage.house() as house:
        faults = PhoneFaults(freezes_ms=FREEZES_MS, hang_up_after_ms=ends_ms, hang_up_how="reset")
        rung = house.ring(story('- agent: {text: "How can I help?"}'), faults=faults, patience_ms=2 * ends_ms)
        found = [*noticed(rung, house), *left_over(rung, house)]
        found += [] if rung.stored == LOST else [f"Stored is {rung.stored!r}, not {LOST!r}."]
        return Seen(found, [], "–", rung.stored, "; ".join(house.logged()) or "–")


def unread(stage: Stage) -> Seen:
    """Meanwhile the agent speaks for a minute; the server may hold that, and not more."""
    with stage.house(emulator={"pace": 60.0}) as house:
        before = _resident_kb(house)
        rung = house.ring(story(LONG_ANSWER), faults=PhoneFaults(deaf_ms=DEAF_MS))
        grown = _resident_kb(house) - before
        seen = judged(rung, house, reached="the agent", stored="ended, caller_hangup", first_sound_ms=DEAF_MS + 2000)
    if grown > MOST_GROWN_KB:
        seen.shortcomings.append(f"The server has grown by {grown} kB.")
    return seen


def _resident_kb(house: House) -> int:
    status = Path(f"/proc/{house.server.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def goes_on(rung: Rung, house: House) -> Iterator[str]:
    """One call, two streams, one conversation: nothing is said twice, and the second session knows of the first."""
    if rung.row is None or rung.row.streams.count() != 2 or Call.objects.count() != 1:
        yield "There are not two streams of one call."
    if rung.turns != CAME_BACK:
        yield f"The transcript is {rung.turns}."
    if len(rung.sessions) != 2:
        yield f"{len(rung.sessions)} sessions were opened."
        return
    told = [turn.text for turn in rung.sessions[1].turns]
    if told[:3] != [text for _, text in CAME_BACK[:3]]:
        yield f"The second session knows {told}."


ROWS: tuple[Row, ...] = (
    Row(
        number="T1",
        fault="the voice webhook comes twice at once",
        act=a_call(TALK, phone=PhoneFaults(twin_webhook=True), check=one_call),
    ),
    Row(
        number="T1b",
        fault="the voice webhook is repeated after its answer",
        act=a_call(TALK, phone=PhoneFaults(duplicate_webhook=True), check=one_call),
    ),
    Row(
        number="T4",
        fault="a second socket brings the same token",
        act=a_call(TALK, phone=PhoneFaults(second_socket=True), check=talked),
    ),
    Row(
        number="T4b",
        fault="the stream brings a forged token",
        act=a_call(
            "[]",
            phone=PhoneFaults(token="forged"),
            reached="a person",
            stored="ended, auth_failed",
            check=no_session,
        ),
        guards=("token",),
    ),
    Row(
        number="T7",
        fault="the upgrade offers the subprotocol audio.twilio.com",
        act=a_call(TALK, phone=PhoneFaults(subprotocols=("audio.twilio.com",)), check=talked),
    ),
    Row(
        number="T7b",
        fault="the upgrade offers an unknown subprotocol",
        act=a_call(TALK, phone=PhoneFaults(subprotocols=("weather",)), check=talked),
    ),
    Row(
        number="T8",
        fault="start never comes after connected",
        act=a_call(
            "[]",
            phone=PhoneFaults(never_starts=True),
            reached="a person",
            stored=LOST,
            # Until start there is no stream to play anything on; 5 s are left to Twilio to send it.
            first_sound_ms=6000,
            check=no_session,
        ),
        guards=("start_limit",),
    ),
    Row(
        number="T9",
        fault="media, mark and dtmf before start",
        act=a_call(TALK, phone=PhoneFaults(before_start=EARLY), check=talked),
    ),
    Row(
        number="T10",
        fault="connected and start again, frames of another stream, unknown events",
        act=a_call(TALK, phone=PhoneFaults(noise=STRANGE), check=talked),
    ),
    Row(
        number="T11",
        fault="no optional field in any message",
        act=a_call(TALK, phone=PhoneFaults(thin=True), check=talked),
    ),
    Row(
        number="T12",
        fault="no JSON, binary, 60 kB, 200 levels deep, between any two good frames",
        act=a_call(TALK, phone=PhoneFaults(noise=BROKEN), check=talked),
    ),
    Row(
        number="T13",
        fault="bad base64, empty and missing payloads between any two good frames",
        act=a_call(TALK, phone=PhoneFaults(noise=NO_SOUND), check=talked),
    ),
    Row(
        number="T14",
        fault="2 s of the caller's words are lost",
        act=a_call(LONG_TALK, phone=PhoneFaults(gaps=(Gap(600, 2000, "lost", "speech"),)), check=padded),
        guards=("gap_padding",),
    ),
    Row(
        number="T15",
        fault="media stops in the middle of a word, for 8 s",
        act=a_call(LONG_TALK, phone=PhoneFaults(gaps=(Gap(600, 8000, "stopped", "speech"),)), check=answered_meanwhile),
        guards=("stall",),
    ),
    Row(
        number="T16",
        fault=f"the caller's side reads nothing for {DEAF_MS // 1000} s, and then goes on",
        act=unread,
    ),
    Row(
        number="T17",
        fault="marks are never echoed",
        act=a_call(BARGE_IN, phone=PhoneFaults(mark_echo=False), check=cut_off),
        guards=("mark_clock",),
    ),
    Row(
        number="T18",
        fault="the caller's connection is cut in the middle of a sentence",
        act=a_call(
            NOBODY_ANSWERS + '- agent: {text: "From eight until six, Monday to Friday."}',
            phone=PhoneFaults(hang_up_on_first_audio=True, hang_up_after_audio_ms=2500, hang_up_how="reset"),
            stored=LOST,
        ),
    ),
    Row(
        number="T19",
        fault="the other side is gone without a word: nothing sent, read or closed",
        act=gone,
        guards=("media_watch",),
    ),
    Row(
        number="T20",
        fault="Twilio sends the same call back to the voice webhook, and it opens a second stream",
        act=a_call(COMES_BACK, phone=PhoneFaults(led_away_ms=9000), check=goes_on),
        guards=("return",),
    ),
    Row(
        number="T21",
        fault="the socket is closed without stop",
        act=a_call(TALK, phone=PhoneFaults(hang_up_how="close"), check=talked),
    ),
    Row(
        number="T22",
        fault="the caller types the number of a card",
        act=a_call(
            f"""
            - agent: {{text: "How can I help?"}}
            - dtmf: "{CARD}"
            - agent: {{text: "Please do not tell me the number of your card."}}
            - hang_up: true
            """,
            check=masked,
        ),
    ),
    Row(
        number="T23",
        fault="the caller hangs up in the greeting",
        act=a_call(
            TALK, phone=PhoneFaults(hang_up_on_first_audio=True, hang_up_after_audio_ms=300), model=ModelFaults()
        ),
    ),
)
