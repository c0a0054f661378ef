"""Why a call was as it was: what the caller experienced, the cause, whose it is, and what mends it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from calls.domain import explanation_facts
from calls.domain.explanation_causes import ABOUT, Cause, Party
from calls.domain.explanation_facts import Facts
from calls.domain.explanation_openai import Found
from calls.domain.explanation_rules import RULES
from calls.domain.explanation_words import Silence, silences, span
from calls.models import Call

FORGOTTEN = timedelta(hours=2)  # no call lasts longer


@dataclass(frozen=True, slots=True)
class Explanation:
    """`said` is one or two plain sentences. `also` are further causes that the rows show, the weightiest first."""

    cause: Cause
    party: Party
    said: str
    remedy: str
    silences: tuple[Silence, ...] = ()
    also: tuple[Cause, ...] = ()

    @property
    def title(self) -> str:
        return ABOUT[self.cause].title

    @property
    def is_fault(self) -> bool:
        """Whether something is to be mended, and not what somebody wanted."""
        return ABOUT[self.cause].is_fault

    def as_dict(self) -> dict[str, Any]:
        return {
            "cause": self.cause.value,
            "title": self.title,
            "party": self.party.value,
            "is_fault": self.is_fault,
            "said": self.said,
            "remedy": self.remedy,
            "silences": [asdict(silence) for silence in self.silences],
            "also": [cause.value for cause in self.also],
        }


def explain(call: Call, *, now: datetime | None = None) -> Explanation:
    """The explanation of one call, with a constant number of queries. `now` lets it tell a call that nobody ended."""
    return explain_facts(call, explanation_facts.read(call), now=now)


def explain_facts(call: Call, facts: Facts, *, now: datetime | None = None) -> Explanation:
    """The same from facts that were read already."""
    return of_facts(facts, is_forgotten=_is_forgotten(call, now))


def explain_all(calls: Iterable[Call], *, now: datetime | None = None) -> list[Explanation]:
    """Those of many calls, in their order, with the same number of queries as for one."""
    rows = list(calls)
    facts = explanation_facts.read_all(rows)
    return [explain_facts(call, found, now=now) for call, found in zip(rows, facts, strict=True)]


def of_facts(facts: Facts, *, is_forgotten: bool = False) -> Explanation:
    found = [result for rule in RULES if (result := rule(facts))]
    if not found and is_forgotten:
        said = "Nobody has written down how this call ended: the server was gone, and Twilio's report did not come."
        found = [Found(Cause.SERVER_DIED, said)]
    if not found:
        found = [Found(Cause.NONE, _nothing(facts))]
    cause, said, party = found[0]
    also = tuple(dict.fromkeys(o.cause for o in found[1:] if o.cause not in (cause, Cause.UNEXPLAINED)))
    about = ABOUT[cause]
    return Explanation(cause, party or about.party, said, about.remedy, silences(facts), also)


def _nothing(facts: Facts) -> str:
    if not facts.is_over:
        return "The call is still going on, and nothing has gone wrong so far."
    sound, started = facts.first("first_audio"), facts.first("stream_started")
    if sound is None or started is None:
        return "Nothing went wrong."
    return f"Nothing went wrong: the agent was heard {span(sound.at_ms - started.at_ms)} after the stream began."


def _is_forgotten(call: Call, now: datetime | None) -> bool:
    return now is not None and call.status != Call.Status.ENDED and now - call.rang_at > FORGOTTEN


__all__ = ["ABOUT", "Cause", "Explanation", "Party", "Silence", "explain", "explain_all"]
