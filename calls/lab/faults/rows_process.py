"""Rows P1, P2 and P10: the process is told to end, is killed, or is loaded anew while callers talk."""

import asyncio
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db.models import Q

from calls.admin import elsewhere
from calls.emulators.phone import Callee, Number
from calls.emulators.phone_result import CallResult
from calls.lab.faults.front import Front
from calls.lab.faults.rows_house import HEARD, LONG_TALK, When
from calls.lab.faults.rows_openai import TALK, TALKED
from calls.lab.faults.stage import LINE, House, Rung, Stage, story
from calls.lab.faults.table import Row, Seen, judged, whom
from calls.lab.faults.wire import Wire, form, new_sid
from calls.lab.processes import Child, ServerChild, free_port, status_of
from calls.models import Call, Message, PhoneLine, Stream
from calls.relay import clips

CALLERS = 5
# The goals are a tenth of a second, one second, and five: this machine may be busy.
READY_MS, AFTER_LAST_SECONDS, CLOSED_SECONDS, RECONCILED_SECONDS = 500, 5.0, 8.0, 5.0
GONE_SECONDS = 40
LOOK_SECONDS = 0.02
CLIP_STRETCH = slice(8000, 9600)  # 200 ms from the middle of the last sentence
RELOADED = re.compile(r"  Admin .*  Admin ", re.DOTALL)
RUNNING = re.compile(r"  Admin ")
SCRATCH_SETTINGS = "from voiceagent.settings import *  # noqa: F403\n"


@dataclass
class Restarting:
    """A house behind a front, whose server is started anew on its port when it has gone, as a service manager does."""

    house: House
    front: Front
    stack: ExitStack
    exit_code: int | None = None
    gone_at: float = 0.0
    back_at: float = 0.0
    again: ServerChild | None = None

    @property
    def options(self) -> dict[str, str]:
        """For whoever rings."""
        return {"base_url": self.front.url}

    def restart(self) -> None:
        """Wait until the server has gone, then start it."""
        server = self.house.server
        self.exit_code = server.wait(GONE_SECONDS)
        self.gone_at = time.monotonic()
        port = int(server.base_url.rpartition(":")[2])
        self.again = self.stack.enter_context(
            ServerChild(
                environment=server.environment,
                log=server.log.with_name("again.log"),
                program=server.program,
                port=port,
            )
        )
        self.back_at = time.monotonic()


@contextmanager
def restarting(stage: Stage, **settings: str) -> Iterator[Restarting]:
    with stage.house(**settings) as house, ExitStack() as stack:
        front = stack.enter_context(Front(int(house.server.base_url.rpartition(":")[2])))
        yield Restarting(house, front, stack)


@dataclass
class Drained:
    """What was seen of a server that was told to end, by the clock on the wall."""

    ended: list[float] = field(default_factory=list)  # when the callers' calls were over
    ready_ms: int | None = None
    newcomer: str = ""
    gone_at: float = 0.0
    code: int | None = None

    def note(self, kind: str, detail: object) -> None:
        if kind == "ended":
            self.ended.append(time.monotonic())

    def problems(self, written: str) -> Iterator[str]:
        if self.ready_ms is None or self.ready_ms > READY_MS:
            yield f"/readyz said 503 after {self.ready_ms} ms."
        if "<Dial" not in self.newcomer:
            yield "Who rang during the drain was not handed over."
        if self.code != 0 or self.gone_at - max(self.ended) > AFTER_LAST_SECONDS:
            yield f"The server ended with {self.code}, {self.gone_at - max(self.ended):.1f} s after the last call."
        if "draining calls_left=" not in written:
            yield "The calls left were not told."


def ended_gently(stage: Stage) -> Seen:
    with stage.house() as house:
        seen = Drained()

        def end() -> None:
            began = time.monotonic()
            house.server.end()
            if _comes(lambda: status_of(f"{house.server.base_url}/readyz") == 503, seconds=5):
                seen.ready_ms = round((time.monotonic() - began) * 1000)
            answer = asyncio.run(Wire(house).answer("/twilio/voice", form(new_sid(), From="+15550100099")))
            seen.newcomer = answer.text
            seen.code = house.server.wait(GONE_SECONDS)
            seen.gone_at = time.monotonic()

        rungs = _five(house, end, TALK, also=seen.note)
        verdict = judged(rungs[0], house, reached="the agent", stored=HEARD)
        verdict.shortcomings.extend(seen.problems(house.server.written()))
    verdict.shortcomings.extend(f"A call has the transcript {r.turns}." for r in rungs if r.turns != TALKED)
    verdict.shortcomings.extend(_still_open())
    return verdict


def deadline_passes(stage: Stage) -> Seen:
    with restarting(stage, DRAIN_SECONDS="1") as scene:
        told_at: list[float] = []

        def end() -> None:
            told_at.append(time.monotonic())
            scene.house.server.end()
            scene.restart()

        now = When("say", end)
        rung = scene.house.ring(story(LONG_TALK), during=now, on_event=now.on_event, **scene.options)
        seen = judged(rung, scene.house, reached="a person", stored="ended, draining", check=_heard_the_end)
        seen.shortcomings.extend(_in_time(scene, told_at[0] + 1))
    return seen


def signalled_twice(stage: Stage) -> Seen:
    with restarting(stage) as scene:
        told_at: list[float] = []

        def end() -> None:
            scene.house.server.end()
            time.sleep(0.2)
            told_at.append(time.monotonic())
            scene.house.server.end()
            scene.restart()

        rungs = _five(scene.house, end, LONG_TALK, **scene.options)
        seen = judged(rungs[0], scene.house, reached="a person", stored="ended, draining", check=_heard_the_end)
        seen.shortcomings.extend(_in_time(scene, told_at[0]))
        for rung in rungs[1:]:
            seen.shortcomings.extend(_heard_the_end(rung, scene.house))
            if (whom(rung.heard), rung.stored) != ("a person", "ended, draining"):
                seen.shortcomings.append(f"A caller reached {whom(rung.heard)}; stored is {rung.stored!r}.")
    seen.shortcomings.extend(_still_open())
    return seen


def killed(stage: Stage) -> Seen:
    """Twilio finds nobody at the action and goes to the text that it keeps itself."""
    with restarting(stage) as scene:
        number = Number(bin=elsewhere.bin_text(PhoneLine.objects.select_related("business").get(number=LINE)))
        rung, seconds = _killed(scene, number=number, callee=Callee(ring_ms=500, talk_ms=12_000))
        # Twilio cannot tell such a text whether the person has answered: a voicemail may come behind the person.
        reached = whom(rung.heard)
        seen = judged(rung, scene.house, reached=reached, stored="ended, server_restart", check=_kept)
        if not any(piece.source == "callee" for piece in rung.heard.ear):
            seen.shortcomings.append("The caller did not reach a person.")
        seen.shortcomings.extend(_reconciled(scene, rung, seconds))
    return seen


def killed_and_back(stage: Stage) -> Seen:
    """What stands in front holds Twilio's request until the server is back; the silence is as long as a start."""
    with restarting(stage) as scene:
        rung, seconds = _killed(scene)
        found = [*_kept(rung, scene.house), *_reconciled(scene, rung, seconds)]
        if (whom(rung.heard), rung.stored) != ("a person", "ended, server_restart"):
            found.append(f"The caller reached {whom(rung.heard)}; stored is {rung.stored!r}.")
        again = scene.again.written() if scene.again else ""
    logged = [name for name in ("a server is dead", "a call was cut off with its server") if f"{name} " in again]
    return Seen(found, [], whom(rung.heard), rung.stored, "; ".join(f"WARNING: {name}" for name in logged) or "–")


def reloaded(stage: Stage) -> Seen:
    """`runserver` with its reloader, beside a server that lives on; the file that changes is its settings."""
    folder = stage.folder / "settings"
    folder.mkdir()
    (folder / "reloading.py").write_text(SCRATCH_SETTINGS)
    with stage.house() as house:
        port = free_port()
        environment = house.server.environment | {
            "DJANGO_SETTINGS_MODULE": "reloading",
            "PYTHONPATH": str(folder),
            "OPENAI_API_KEY": "sk-laboratory",  # not the emulator's own, which would be noted for this checkout
        }
        log = stage.folder / "runserver.log"
        with Child(
            "runserver", f"127.0.0.1:{port}", environment=environment, log=log, program=house.server.program
        ) as server:
            server.wait_for(RUNNING)
            now = When("say", lambda: _touch(folder / "reloading.py", server))
            rung = house.ring(
                story(LONG_TALK),
                during=now,
                on_event=now.on_event,
                base_url=f"http://127.0.0.1:{port}",
                callee=Callee(ring_ms=500, talk_ms=24_000),
            )
            seen = judged(rung, house, reached="a person", stored="ended, server_restart", check=_heard_the_end)
            written = server.written()
        found = seen.shortcomings
        found += [] if RELOADED.search(written) else ["The server did not come back."]
        found += ["The log has a traceback."] if "Traceback" in written else []
        found += [] if _is_free(port) else [f"Port {port} is still taken."]
    return seen


def _five(
    house: House,
    do: Callable[[], None],
    steps: str,
    *,
    also: Callable[[str, object], None] = lambda kind, detail: None,
    **options: str,
) -> list[Rung]:
    """Five callers at once; `do` once the first of them speaks. `also` is told what the telephones tell."""
    now = When("say", do)

    def note(kind: str, detail: object) -> None:
        also(kind, detail)
        now.on_event(kind, detail)

    stories = [story(steps, caller=f"+1555010000{number}") for number in range(1, CALLERS + 1)]
    return house.ring_all(stories, during=now, on_event=note, **options)


def _killed(scene: Restarting, **options: object) -> tuple[Rung, float]:
    """A call whose server dies behind its tool; and how many seconds after the start its stream was closed."""
    closed_at: list[float] = []

    def kill() -> None:
        scene.house.server.end(signal.SIGKILL)
        scene.restart()
        if _comes(lambda: not Stream.objects.filter(ended_at=None).exists(), seconds=2 * RECONCILED_SECONDS):
            closed_at.append(time.monotonic())

    now = When("No, thank you.", kill)

    def note(kind: str, detail: object) -> None:
        if kind == "say":
            now.on_event(str(detail), None)

    given = {**scene.options, **options}
    rung = scene.house.ring(story(LONG_TALK), during=now, on_event=note, **given)
    return rung, (closed_at[0] if closed_at else float("inf")) - scene.back_at


def _kept(rung: Rung, house: House) -> Iterator[str]:
    """What was done before the server died is there once."""
    if rung.row is None or [turn[0] for turn in rung.turns][:2] != ["agent", "caller"]:
        yield f"The transcript is {rung.turns}."
    if Message.objects.count() != 1:
        yield f"There are {Message.objects.count()} messages."


def _reconciled(scene: Restarting, rung: Rung, seconds: float) -> Iterator[str]:
    if seconds > RECONCILED_SECONDS:
        yield f"The call was closed {seconds:.1f} s after the start."
    if rung.row is None or rung.row.events.filter(kind="server_gone").count() != 1:
        yield "That the server was gone is not told once."
    if scene.again is None or "a call was cut off with its server" not in scene.again.written():
        yield "The log does not name the call."


def _heard_the_end(rung: Rung, house: House) -> Iterator[str]:
    if not _heard(rung.heard, (clips.FOLDER / "closing.ulaw").read_bytes()[CLIP_STRETCH]):
        yield "The caller did not hear the last sentence."


def _heard(heard: CallResult, sound: bytes) -> bool:
    return sound in b"".join(piece.payload for piece in heard.ear if piece.source == "stream")


def _in_time(scene: Restarting, told_at: float) -> Iterator[str]:
    seconds = scene.gone_at - told_at
    if scene.exit_code != 0 or seconds > CLOSED_SECONDS:
        yield f"The server ended with {scene.exit_code}, {seconds:.1f} s after the end was told."


def _still_open() -> Iterator[str]:
    live = Call.objects.filter(Q(status=Call.Status.STREAMING) | Q(streams__ended_at=None, streams__isnull=False))
    if count := live.count():
        yield f"{count} calls are left open."


def _touch(file: Path, server: Child) -> None:
    file.write_text(SCRATCH_SETTINGS + "\n")
    server.wait_for(RELOADED)


def _comes(ask: Callable[[], bool], *, seconds: float) -> bool:
    """Whether it is so before the time is up."""
    deadline = time.monotonic() + seconds
    while not ask():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


ROWS = (
    Row(number="P1", fault="SIGTERM while five callers talk", act=ended_gently, guards=("drain",)),
    Row(
        number="P1b",
        fault="SIGTERM, and a caller talks on beyond the deadline",
        act=deadline_passes,
        guards=("last_sentence",),
    ),
    Row(
        number="P1c",
        fault="SIGTERM twice while five callers talk",
        act=signalled_twice,
        guards=("closing_time",),
    ),
    Row(number="P2", fault="SIGKILL in a call, and a restart", act=killed, guards=("calls_of_the_dead",)),
    Row(
        number="P2b",
        fault="SIGKILL in a call, and a restart before Twilio is answered",
        act=killed_and_back,
    ),
    Row(
        number="P10",
        fault="`runserver` reloads its code in a call",
        act=reloaded,
    ),
)
