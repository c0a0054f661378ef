"""Words of a caller that mean danger now, whatever the model makes of them.

The transcript is read clause by clause. A pattern of danger alarms unless its own clause denies it, puts it in the
past, or only asks about it: "I don't smell gas", "we had a burst pipe last winter", "what do you charge for a burst
pipe". A missed danger is worse than a false alarm, so what stands in another clause excuses nothing, but for what can
wait: "my pipe broke, can you come on Tuesday" alarms nobody.
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
    r"\b(last (week|month|year|winter|summer|spring|fall|autumn|time|season)|(weeks?|months?|years?) ago|used to"
    r"|(invoice|bill|receipt) (for|about)"
    r"|every (year|winter|summer|spring|fall|autumn|few months)"
    r"|back in (19|20)\d\d|in (19|20)\d\d|(is|was|got|been|were) (all )?(fixed|repaired|replaced|resolved|put out)"
    rf"|a while ago|a long time ago|years back|once had|one time|{spanish.PAST})\b"
)
_ASKED = re.compile(
    r"\b(what if|in case|if (i|we|there|it|you|my|the|a) |how much|what (do|would|does|is the) |price|pricing|cost\w*"
    r"|charge|quote|estimate|do you (do|handle|fix|repair|offer|install|deal|work|take|cover|sell|also|guys|put)"
    r"|install\w*|inspect\w*|prevent\w*|protect\w*|maintenance|schedule|annual|certif\w*|insurance|warranty|damper"
    r"|restoration|remodel\w*|resistant|extinguishers?|batter(y|ies)|test(ing|ed)?|movie|song|joke"
    rf"|waterproof\w*|{spanish.ASKED})\b"
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
    if kind := _first_meant(_ALARMS, clauses):
        return kind
    return None if _CAN_WAIT.search(plain) else _first_meant(english.THAT_CAN_WAIT, [*clauses, *pairs])


def _first_meant(alarms: Iterable[tuple[str, re.Pattern[str]]], clauses: list[str]) -> str | None:
    for kind, pattern in alarms:
        for clause in clauses:
            if any(_is_meant(clause, found.start()) for found in pattern.finditer(clause)):
                return kind
    return None


def _is_meant(clause: str, at: int) -> bool:
    before = clause[:at]
    return not (_DENIED.search(before) or _MENDED.search(before) or _PAST.search(clause) or _ASKED.search(clause))


def _plain(text: str) -> str:
    """In small letters, without accents; apostrophes and dashes become spaces, what parts clauses stays."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub(r"[^a-z0-9.!?;:,\n]+", " ", letters)
