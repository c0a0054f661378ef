"""Words of a caller that mean danger now, whatever the model makes of them.

The transcript is read clause by clause. A pattern of danger alarms unless the words around it deny it, put it in the
past, or only ask about it: "I don't smell gas", "we had a burst pipe last winter", "what do you charge for a burst
pipe". A missed danger is worse than a false alarm. So what stands in another clause excuses nothing, nor what is said
of another thing: "I smell gas from the furnace you installed last year". And no talk of business makes a question of
what happens now: "water is gushing from the heater under warranty". Only of what can wait every clause is asked: "my
pipe broke, can you come on Tuesday" alarms nobody.
"""

import re
import unicodedata
from collections.abc import Iterable

from calls.domain import emergency_patterns as english
from calls.domain import emergency_patterns_spanish as spanish

_ALARMS = [*english.ALARMS, *spanish.ALARMS]

_CLAUSES = re.compile(r"[.!?;:,\n]+|\b(?:but|however|although|though|because|and now|so now|pero)\b")
_DENIED = re.compile(
    r"\b(no|not|never|without|don ?t|doesn ?t|didn ?t|isn ?t|wasn ?t|aren ?t|haven ?t|hasn ?t|nothing|none|nobody"
    rf"|{spanish.DENIED}) (\w+ ){{0,2}}$"
)
# What was mended is the danger itself, not something else: "they fixed the furnace and I smell gas".
_MENDED = re.compile(
    r"\b(fixed|repaired|replaced|patched|capped|stopped|put out|cleaned up) (the|a|an|our|my|that|this) (\w+ ){0,2}$"
)
_PAST = re.compile(
    r"\b(last (week|month|year|night|winter|summer|spring|fall|autumn|time|season)|(weeks?|months?|years?) ago|used to"
    r"|(invoice|bill|receipt) (for|about)|charged (me|us)"
    r"|every (year|winter|summer|spring|fall|autumn|few months)"
    r"|back in (19|20)\d\d|in (19|20)\d\d|(is|was|got|been|were) (all )?(fixed|repaired|replaced|resolved|put out|gone)"
    rf"|a while ago|a long time ago|years back|once had|one time|{spanish.PAST})\b"
)
_HAD = re.compile(r"\b(had|fixed our|was|were)( an?| some| our| the)? (\w+ )?$")
_AGAIN = re.compile(r"^\w* (again|right now|now)\b")
# Questions and conditions, which stand before what they ask about.
_ASKED = re.compile(
    r"\b(what if|in case|if (i|we|there|it|you|my|the|a) |how much|how (do|can|to) |what (do|would|does|is the) "
    r"|what you |do you (do|handle|fix|repair|offer|install|deal|work|take|cover|sell|also|guys|put)"
    rf"|{spanish.QUESTION})"
)
# Talk of business, before or behind it.
_BUSINESS = re.compile(
    r"\b(price|pricing|cost\w*|charge|quote|estimate|install\w*|inspect\w*|prevent\w*|protect\w*|maintenance|schedule"
    r"|annual|yearly|certif\w*|insurance|warranty|damper|restoration|remodel\w*|resistant|extinguishers?|batter(y|ies)"
    rf"|test(ing|ed)?|movie|song|joke|waterproof\w*|repaired|{spanish.BUSINESS})\b"
)
_NOW = re.compile(
    r"\b((is|are|s|re|am|m|keeps?) (still |now |just |all )?\w+ing|there (s|is|are)|right now|everywhere|on fire"
    r"|(i|we|it) (can |still |just |now )*(smells?|see|hear)|(smells?|huele|apesta|sale|hay))\b"
)
_HAPPENING = re.compile(r"\b(is|are|s|re|keeps?) ((still|now|just|all) )*\w+ing\b")
_AT_ONCE = re.compile(r"\bright now\b")
# Where the words around a danger end: another statement, or what is told of a thing.
_TURNS = re.compile(
    r"\b(and|that|which|who|where|when|while|since|so|then|you|we|they|he|she|i|installed|replaced|repaired|fixed"
    r"|serviced|bought|y|que|donde|cuando|cuyo)\b"
)
_BEGINS = re.compile(r"\b(and|which|while|so|then|tonight|now|y)\b")
# Who asks about a danger and says that it is theirs: "Do you handle gas leaks? I've got one."
_AFFIRMED = re.compile(
    r"^((because|but|and|now|so|well|yes) )*(i|we) (do|have one|ve got one|got one)( right)?( now)?$"
)
_CAN_WAIT = re.compile(
    r"\b((mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|next (week|month)|this week|sometime|some time|whenever"
    r"|no (rush|hurry)|not urgent|appointment|looked at|in the (next few days|coming days))\b"
)
# Words that look like danger and are something else.
_HARMLESS = re.compile(
    r"\b(fire ?(place|pit|wood|wall|works|department|station|marshal|sale|code|rated|truck|sprinkler)s?|gas station"
    r"|spark ?plugs?|burning question|smoke test|flood(ed|ing)? with (work|calls|e ?mails?|orders|requests)"
    r"|flood ?lights?|heat pump|burst out|fired|sticker shock|shock absorbers?|on fire (lately|today|this)"
    r"|prices? (is|are) on fire|you( guys| all)?( are| re) on fire|smoking hot"
    r"|shocked (by|at) (that|the|your) (price|bill)"
    r"|burning (daylight|money|calories|wood|oil)|burn off)\b"
)


def words_alarm(text: str) -> str | None:
    """The kind of danger that these words of a caller mean now; None when they mean none."""
    plain = _plain(text)
    clauses = [_HARMLESS.sub("_", " ".join(clause.split())) for clause in _CLAUSES.split(plain)]
    clauses = [clause for clause in clauses if clause]
    pairs = [f"{first} {second}" for first, second in zip(clauses, clauses[1:], strict=False)]
    is_affirmed = any(_AFFIRMED.search(clause) for clause in clauses)
    if kind := _first_meant(_ALARMS, clauses, is_affirmed) or _first_meant(english.IN_TWO_CLAUSES, pairs):
        return kind
    return None if _CAN_WAIT.search(plain) else _first_meant(english.THAT_CAN_WAIT, [*clauses, *pairs])


def _first_meant(
    alarms: Iterable[tuple[str, re.Pattern[str]]], clauses: list[str], is_affirmed: bool = False
) -> str | None:
    for kind, pattern in alarms:
        for clause in clauses:
            if any(is_affirmed or _is_meant(clause, found) for found in pattern.finditer(clause)):
                return kind
    return None


def _is_meant(clause: str, found: re.Match[str]) -> bool:
    before, behind = clause[: found.start()], clause[found.end() :]
    if _DENIED.search(before) or _MENDED.search(before):
        return False
    *_, near_before = _BEGINS.split(before)
    near_behind = _TURNS.split(behind, maxsplit=1)[0]
    around = f"{near_before}{found.group()}{near_behind}"
    if _ASKED.search(near_before) and not _AT_ONCE.search(around):
        return False
    if _HAPPENING.search(f"{' '.join(before.split()[-3:])} {found.group()}"):
        return True
    if _NOW.search(around) and not _PAST.search(near_before):
        return True
    if _BUSINESS.search(near_before) or _BUSINESS.search(near_behind):
        return False
    is_past = _PAST.search(near_before) or _PAST.search(near_behind) or (_HAD.search(before) and _PAST.search(clause))
    return not is_past or bool(_AGAIN.search(behind))


def _plain(text: str) -> str:
    """In small letters, without accents; apostrophes and dashes become spaces, what parts clauses stays."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub(r"[^a-z0-9.!?;:,\n]+", " ", letters)
