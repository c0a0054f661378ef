"""Real calls to explain: each placed by the laboratory's telephone at a server process, with one thing going wrong.

An act plays one or more calls on a stage of its own and tells their CallSids by name; tests/collection/call_labels.py
says what has to be said of each. Nothing here writes an event: the server does.
"""

import asyncio
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from io import StringIO

from django.core.management import call_command

from calls.emulators import scenario as scenarios
from calls.emulators.phone import Callee
from calls.emulators.phone_options import Gap
from calls.lab import scratch
from calls.lab.calling import settled_row
from calls.lab.faults.stage import ModelFaults, PhoneFaults, Stage, story
from calls.lab.processes import Child, environment
from calls.models import Business, Call, ListedNumber
from tests.collection.strain import Strain
from tests.collection.town import OVERLAY, PROGRAMS, READY, ROOT

RATE, CALM_RATE = 3.0, 1.5
LONGEST_MS = 60_000
LATER = {"server_killed": 3}  # hours: until then the call may still be going on
EXPLAIN_SECONDS = 60
CALLER = "+155501001{:02}"
# Said by callers or the agent, numbers of theirs and of the business, the key: no explanation may repeat any.
CANARIES = ["canary", "+1555010", scratch.EMULATED_KEY]

TALK = """
- agent: {text: "How can I help? canary"}
- say: {text: "When are you open? canary"}
- agent: {text: "From eight until six. canary"}
- hang_up: true
"""
ASK = """
- agent: {text: "How can I help? canary"}
- say: {text: "When are you open? canary"}
"""
BARGE_IN = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open?"}
- agent: {text: "We are open from eight in the morning until six in the evening, Monday to Friday."}
- say: {text: "Thank you, that is enough.", barge_in_ms: 800}
- agent: {text: "You are welcome."}
- hang_up: true
"""
CUT = '- agent: {text: "We are open from eight in the morning until six in the evening.", fault: drop}\n'
LONG_TALK = """
- agent: {text: "How can I help?"}
- say: {text: "When are you open on Saturdays and on Sundays?"}
- agent: {text: "From eight until noon."}
- hang_up: true
"""
TRANSFER = """
- agent: {text: "How can I help?"}
- say: {text: "I want to speak to a person."}
- agent: {text: "I am connecting you now.", tool: transfer_to_person, arguments: {reason: "a canary"}}
"""
PRICE = """
- agent: {text: "How can I help?"}
- say: {text: "What does it cost to have a drain cleaned?"}
- agent: {tool: quote_price, arguments: {service: Drain cleaning, postal_code: "12207"}}
- agent: {text: "I cannot look that up."}
- hang_up: true
"""
NOTHING = "[]"

FAULTY = {}
HEALTHY = {}


@dataclass(frozen=True)
class Told:
    """What the command printed of one call."""

    code: int
    out: str
    err: str
    strain_ms: int = 0
    """How late the machine was at worst while the act of this call was played."""

    @property
    def document(self):
        return json.loads(self.out) if self.code == 0 else {}

    @property
    def named(self):
        return self.document.get("cause", self.err.strip()), self.document.get("party", "")


@dataclass(frozen=True)
class One:
    """The commonest act: one call at a server of its own."""

    steps: str = NOTHING
    model: ModelFaults | None = None
    emulator: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    phone: PhoneFaults = PhoneFaults()
    options: dict = field(default_factory=dict)
    sql: str = ""

    def __call__(self, stage, name):
        if self.sql:
            _change(stage, self.sql)
        with stage.house(self.model, emulator=self.emulator, **self.settings) as house:
            return {name: _ring(house, story(self.steps), self.phone, **self.options)}


def faulty(act):
    FAULTY[act.__name__] = act
    return act


def _ring(house, scenario, faults=PhoneFaults(), **options):  # noqa: B008 - frozen
    bounded = faults if faults.hang_up_after_ms is not None else replace(faults, hang_up_after_ms=LONGEST_MS)
    return house.ring(scenario, faults=bounded, **options).heard.call_sid


def _change(stage, sql):
    with sqlite3.connect(stage.folder / scratch.FILE) as connection:
        connection.execute(sql)
    connection.close()


FAULTY |= {
    "no_key": One(settings={"OPENAI_API_KEY": ""}),
    "unknown_key": One(emulator={"keys": ["sk-another"]}),
    "handshake_401": One(model=ModelFaults(upgrade_status=401)),
    "handshake_403": One(model=ModelFaults(upgrade_status=403)),
    "handshake_429": One(model=ModelFaults(upgrade_status=429)),
    "handshake_503": One(model=ModelFaults(upgrade_status=503)),
    "handshake_hangs": One(model=ModelFaults(upgrade_ms=14_000)),
    "account_deactivated": One(model=ModelFaults(response_error="account_deactivated")),
    "no_credit": One(model=ModelFaults(response_error="insufficient_quota")),
    "no_credit_any_more": One(ASK + "- agent: {fault: {error: insufficient_quota}}"),
    "model_shut_down": One(settings={"OPENAI_REALTIME_MODEL": "gpt-4o-realtime-preview"}),
    "nobody_at_the_address": One(settings={"OPENAI_REALTIME_URL": "ws://127.0.0.1:9/v1/realtime"}),
    "settings_refused": One(model=ModelFaults(reject_updates=99)),
    "settings_never_answered": One(model=ModelFaults(never_updated=True)),
    "pcm_agreed_on": One(model=ModelFaults(wrong_echo=True)),
    "pcm_sent": One(model=ModelFaults(linear_deltas=True)),
    "never_speaks": One(model=ModelFaults(never_respond=True)),
    "falls_silent": One(ASK + "- agent: {fault: stall}\n- agent: {fault: stall}"),
    "ready_late": One(TALK, model=ModelFaults(upgrade_ms=2500, updated_ms=2500)),
    "answers_late": One(ASK + '- agent: {text: "From eight until six.", think_ms: 7000}\n- hang_up: true'),
    "line_cut_for_good": One(ASK + CUT, model=ModelFaults(most_sessions=1)),
    "line_cut_and_resumed": One(ASK + CUT + '- agent: {text: "From eight until six."}\n- hang_up: true'),
    "forged_token": One(phone=PhoneFaults(token="forged")),
    "start_never_comes": One(phone=PhoneFaults(never_starts=True)),
    "stream_cut": One(
        ASK + '- agent: {text: "From eight until six, Monday to Friday."}',
        phone=PhoneFaults(hang_up_on_first_audio=True, hang_up_after_audio_ms=2500, hang_up_how="reset"),
    ),
    "media_pauses": One(LONG_TALK, phone=PhoneFaults(gaps=(Gap(600, 8000, "stopped", "speech"),))),
    "media_stops_for_good": One(LONG_TALK, phone=PhoneFaults(gaps=(Gap(600, 90_000, "stopped", "speech"),))),
    "words_lost": One(LONG_TALK, phone=PhoneFaults(gaps=(Gap(600, 2000, "lost", "speech"),))),
    "webhook_by_get": One(TALK, phone=PhoneFaults(webhook_method="GET")),
    "webhook_failed_at_first": One(TALK, phone=PhoneFaults(fallback_first=True)),
    "caller_is_silent": One(
        '- agent: {text: "How can I help?"}\n- wait_ms: 180000',
        phone=PhoneFaults(hang_up_after_ms=180_000),
        options={"patience_ms": 180_000},
    ),
    "caller_leaves_in_silence": One(model=ModelFaults(upgrade_ms=14_000), phone=PhoneFaults(hang_up_after_ms=5000)),
    "caller_leaves_in_the_greeting": One(
        TALK, phone=PhoneFaults(hang_up_on_first_audio=True, hang_up_after_audio_ms=300)
    ),
    "no_agent": One(sql="UPDATE calls_phoneline SET agent_id = NULL"),
    "longest_time": One(
        '- agent: {text: "How can I help?"}\n- wait_ms: 60000',
        settings={"MAX_CALL_MINUTES": "0.2"},
        options={"patience_ms": 60_000},
    ),
    "nobody_takes_over": One(TRANSFER, options={"callee": Callee(outcome="no-answer", ring_ms=1000)}),
}


@contextmanager
def _program(stage, *parts):
    """One of tests/collection/programs; gives its port."""
    with Child(*map(str, parts), environment=environment(), log=stage.folder / "program.log", program=()) as child:
        yield int(next(filter(None, child.wait_for(READY).groups())))


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _through_a_gateway(stage, name, fault):
    port = _free_port()
    with _program(stage, "-m", "tests.collection.programs.front", "--backend", port, "--fault", fault) as gateway:
        address = f"ws://127.0.0.1:{gateway}/v1/realtime"
        with stage.house(emulator={"port": port}, OPENAI_REALTIME_URL=address) as house:
            return {name: _ring(house, story(NOTHING))}


FAULTY["gateway_adds_the_beta_header"] = partial(_through_a_gateway, fault="beta")
FAULTY["address_of_a_website"] = partial(_through_a_gateway, fault="site")


@faulty
def second_call_with_a_bad_key(stage, name):
    with stage.house(emulator={"keys": ["sk-another"]}) as house:
        _ring(house, story(NOTHING))
        return {name: _ring(house, story(NOTHING, caller=CALLER.format(2)))}


@faulty
def blocked_caller(stage, name):
    ListedNumber.objects.create(business=Business.objects.get(), number=CALLER.format(1), treatment="blocked")
    with stage.house() as house:
        return {name: _ring(house, story(NOTHING, caller=CALLER.format(1)))}


@faulty
def too_many_calls(stage, name):
    """The second call comes while the agent speaks to the first."""
    speaking, sids = threading.Event(), {}
    with stage.house(CALLS_AT_ONCE="1") as house:

        def second():
            speaking.wait(20)
            told = asyncio.run(house.phone().call(story(NOTHING, caller=CALLER.format(2))))
            sids[name] = told.call_sid

        house.ring(story(LONG_TALK), during=second, on_event=lambda kind, _: kind == "say" and speaking.set())
        settled_row(sids[name])
    return sids


@faulty
def hand_over_comes_back(stage, name):
    """The person's telephone forwards to the line: what is told of the call that comes back."""
    with stage.house() as house:
        first = _ring(house, story(TRANSFER), callee=Callee(ring_ms=500, calls_back=True))
        back = Call.objects.exclude(call_sid=first).get()
        return {name: back.call_sid}


@faulty
def tool_fails(stage, name):
    """What the tool has to write down finds no table any more."""

    def lose(kind, detail):
        if kind == "say":
            _change(stage, "ALTER TABLE calls_quote RENAME TO calls_quote_away")

    with stage.house() as house:
        return {name: _ring(house, story(PRICE), on_event=lose)}


@faulty
def server_killed(stage, name):
    """In the middle of an answer; nobody is left who could write how the call ended."""
    with stage.house() as house:

        def kill(kind, detail):
            if kind == "say":
                house.server.end(signal.SIGKILL)

        return {name: asyncio.run(house.phone(on_event=kill).call(story(TALK))).call_sid}


@faulty
def served_by_wsgi(stage, name):
    token = scratch.auth_token()
    with stage.house() as house:
        settings = scratch.server_environment(
            token=token,
            database_url=scratch.url(stage.folder),
            realtime_url=house.model.url,
            DATA_DIR=str(stage.folder),
        )
        log = stage.folder / "wsgi.log"
        with Child(str(PROGRAMS / "wsgi.py"), "0", environment=settings, log=log, program=()) as server:
            port = server.wait_for(READY)[1]
            phone = replace(house.phone(), base_url=f"http://127.0.0.1:{port}", auth_token=token, rate=1.0)
            return {name: asyncio.run(phone.call(story(NOTHING))).call_sid}


# What goes as it should.

STORIES = (
    ("book", "book_when_full", "message", "outside_the_area", "price_range", "question_known"),
    ("question_unknown", "quote_and_email", "think_about_it", "transfer_accepted", "wrong_number", "shouting"),
)
PLAIN = {
    "talk": (TALK, PhoneFaults()),
    "barge_in": (BARGE_IN, PhoneFaults()),
    "webhook_comes_twice_at_once": (TALK, PhoneFaults(twin_webhook=True)),
    "webhook_comes_again": (TALK, PhoneFaults(duplicate_webhook=True)),
    "subprotocol_offered": (TALK, PhoneFaults(subprotocols=("audio.twilio.com",))),
    "no_optional_fields": (TALK, PhoneFaults(thin=True)),
    "closed_without_stop": (TALK, PhoneFaults(hang_up_how="close")),
    "keys_pressed": (TALK.replace('- say: {text: "When are you open? canary"}', '- dtmf: "1"'), PhoneFaults()),
}
BUNDLED = ("demo", "hours")


def _together(stage, calls):
    """Several calls at once at one server; `calls`: name → scenario and the telephone's faults."""
    with stage.house() as house:
        house.model.scenarios[:] = [scenario for scenario, _ in calls.values()]

        async def place():
            phones = [house.phone(faults=faults).call(scenario) for scenario, faults in calls.values()]
            return await asyncio.gather(*phones)

        results = asyncio.run(place())
        for result in results:
            settled_row(result.call_sid)
    return {name: result.call_sid for name, result in zip(calls, results, strict=True)}


def _stories(stage, _, names):
    return _together(stage, {name: (scenarios.find(name), PhoneFaults()) for name in names})


def _plain(stage, _):
    calls = {
        name: (story(steps, caller=CALLER.format(number)), faults)
        for number, (name, (steps, faults)) in enumerate(PLAIN.items(), start=10)
    }
    return _together(stage, calls)


HEALTHY["stories_of_bookings"] = partial(_stories, names=STORIES[0])
HEALTHY["stories_of_questions"] = partial(_stories, names=STORIES[1])
HEALTHY["bundled"] = partial(_stories, names=BUNDLED)
HEALTHY["plain"] = _plain
CALLS_OF = {
    "stories_of_bookings": STORIES[0],
    "stories_of_questions": STORIES[1],
    "bundled": BUNDLED,
    "plain": tuple(PLAIN),
}
HEALTHY_CALLS = [call for calls in CALLS_OF.values() for call in calls]


def act_of_each():
    """The act in which each call that goes well is placed."""
    return {call: act for act, calls in CALLS_OF.items() for call in calls}


def play(name, template, rate=RATE):
    """Play an act on a copy of the database in the folder `template`: what is said of each of its calls, by name."""
    with scratch.database(copy_of=template) as folder:
        with Strain() as strain:
            sids = (FAULTY | HEALTHY)[name](Stage(folder, rate), name)
        told = {call: _explained(folder, sid, hours_later=LATER.get(call, 0)) for call, sid in sids.items()}
        return {call: replace(one, strain_ms=strain.worst_ms) for call, one in told.items()}


def _explained(folder, sid, *, hours_later=0):
    """What `manage.py explain_call SID --json` prints: run here, or in a process whose clock is so much later."""
    if not hours_later:
        out, err = StringIO(), StringIO()
        call_command("explain_call", sid, "--json", stdout=out, stderr=err)
        return Told(0, out.getvalue(), err.getvalue())
    later = {"PYTHONPATH": str(OVERLAY), "COLLECTION_CLOCK": str(hours_later * 3600)}
    done = subprocess.run(
        [sys.executable, "manage.py", "explain_call", sid, "--json"],
        cwd=ROOT,
        env=environment(DATABASE_URL=scratch.url(folder), DATA_DIR=str(folder / "data"), **later),
        capture_output=True,
        text=True,
        timeout=EXPLAIN_SECONDS,
    )
    return Told(done.returncode, done.stdout, done.stderr)
