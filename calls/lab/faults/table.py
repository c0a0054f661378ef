"""The rows of the fault table: what goes wrong, how it is brought about, and what must come of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from calls.emulators.phone import CallResult
from calls.lab.faults.ear import Ear, Wait
from calls.lab.faults.stage import House, ModelFaults, PhoneFaults, Rung, Stage, story
from calls.models import Call

# The figures sheet, in ms of the call: first sound, between two sounds, until recovery or hand-over.
FIRST_SOUND_MS = 2000
SILENCE_MS = 3000
RECOVERY_MS = 10_000
LONGEST_MS = 45_000

FINISHED = {Call.Status.ENDED, Call.Status.HANDED_OVER}

Reached = Literal["the agent", "a person", "a voicemail", "nobody"]
Check = Callable[[Rung, House], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a row has shown; no shortcoming means that it passed."""

    shortcomings: list[str]
    waits: list[Wait] = field(default_factory=list)
    reached: str = "–"
    stored: str = "–"
    logged: str = "–"
    impossible: str = ""
    """Why it cannot be played on this machine; empty when it was played."""

    @property
    def first_sound_ms(self) -> int | None:
        return max((wait.first_sound_ms for wait in self.waits), default=None)

    @property
    def longest_silence_ms(self) -> int | None:
        return max((wait.longest_silence_ms for wait in self.waits), default=None)

    @property
    def recovery_ms(self) -> int | None:
        return max((wait.recovered_ms for wait in self.waits if wait.recovered_ms is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`number` as in the fault table, with a letter behind it where one line of the table is several rows here."""

    number: str
    fault: str
    act: Callable[[Stage], Seen]
    guards: tuple[str, ...] = ()  # names in `weakened.GUARDS`: without any one of them this row turns red
    is_load: bool = False  # takes all the processors there are: played when the others, which are timed, are over


def a_call(
    steps: str,
    *,
    phone: PhoneFaults | None = None,
    model: ModelFaults | None = None,
    emulator: Mapping[str, Any] | None = None,
    settings: Mapping[str, str] | None = None,
    broken: str = "",
    reached: Reached = "the agent",
    stored: str = f"{Call.Status.ENDED}, {Call.EndReason.CALLER_HANGUP}",
    broken_off: bool = False,
    first_sound_ms: int = FIRST_SOUND_MS,
    check: Check | None = None,
) -> Callable[[Stage], Seen]:
    """The commonest row: one call with one fault, judged by the ear and by its row in the database."""

    def act(stage: Stage) -> Seen:
        with stage.house(model, emulator=dict(emulator or {}), broken=broken, **(settings or {})) as house:
            rung = house.ring(story(steps), faults=_bounded(phone or PhoneFaults()))
            return judged(
                rung,
                house,
                reached=reached,
                stored=stored,
                broken_off=broken_off,
                first_sound_ms=first_sound_ms,
                check=check,
            )

    return act


def _bounded(phone: PhoneFaults) -> PhoneFaults:
    """Nobody stays for ever where a guard is missing that would end the call."""
    return phone if phone.hang_up_after_ms is not None else replace(phone, hang_up_after_ms=LONGEST_MS)


def judged(
    rung: Rung,
    house: House,
    *,
    reached: Reached,
    stored: str,
    broken_off: bool = False,
    first_sound_ms: int = FIRST_SOUND_MS,
    check: Check | None = None,
) -> Seen:
    """What one call has shown. `first_sound_ms`: where the first sound cannot come sooner, when it has to."""
    waits = Ear(rung.heard).waits(broken_off)
    found = [
        *_heard(waits, first_sound_ms),
        *([] if whom(rung.heard) == reached else [f"The caller reached {whom(rung.heard)}, not {reached}."]),
        *([] if rung.stored == stored else [f"Stored is {rung.stored!r}, not {stored!r}."]),
        *left_over(rung, house),
        *(f"The script failed: {error}" for session in rung.sessions for error in session.script_errors),
        *(check(rung, house) if check else ()),
    ]
    return Seen(found, waits, whom(rung.heard), rung.stored, "; ".join(house.logged()) or "–")


def impossible(why: str) -> Seen:
    """The machine lacks what the row needs: neither passed nor failed."""
    return Seen([], impossible=why)


def whom(heard: CallResult) -> Reached:
    """Whom the caller had at the line in the end."""
    if heard.recordings:
        return "a voicemail"
    sources = [piece.source for piece in heard.ear]
    if "callee" in sources:
        return "a person"
    return "the agent" if "stream" in sources else "nobody"


def _heard(waits: Iterable[Wait], first_sound_ms: int) -> Iterator[str]:
    for wait in waits:
        if wait.first_sound_ms > first_sound_ms:
            yield f"First sound after {wait.first_sound_ms} ms."
        if wait.longest_silence_ms > max(SILENCE_MS, first_sound_ms):
            yield f"{wait.longest_silence_ms} ms of silence."
        if wait.recovered_ms is None:
            yield f"Neither recovered nor handed over, {wait.since} ms after the ring."
        elif wait.recovered_ms > RECOVERY_MS:
            yield f"Recovered or handed over only after {wait.recovered_ms} ms."


def left_over(rung: Rung, house: House) -> Iterator[str]:
    """What a call has left behind that should be gone with it."""
    if rung.row is not None and rung.row.status not in FINISHED:
        yield f"The call is left {rung.row.status}."
    if house.open_sessions:
        yield f"{house.open_sessions} sessions at the model are left open."
    written = house.server.written()
    for trouble in ("never retrieved", "never awaited"):
        if trouble in written:
            yield f"The log says {trouble!r}."
