"""Words of a caller that mean danger now, whatever the model makes of them.

The transcript is read sentence by sentence. A pattern of danger alarms unless its own clause denies it, puts it in the
past, or only asks about it: "I don't smell gas", "we had a burst pipe last winter", "what do you charge for a burst
pipe". A missed danger is worse than a false alarm, so what stands in another clause excuses nothing.
"""

import re
import unicodedata

GAS, FIRE, CARBON_MONOXIDE, ELECTRICITY = "gas", "fire", "carbon_monoxide", "water_near_electricity"
INJURY, WATER, SEWAGE, NO_HEAT, TRAPPED = "injury", "water", "sewage", "no_heat", "trapped"

_ELECTRIC = (
    r"(electric\w*|outlets?|sockets?|wiring|wires?|fuse ?box\w*|breakers?|breaker box\w*|panel|power strips?"
    r"|light ?fixtures?|lights?|lamps?|light ?switch\w*|switch\w*|chandelier|meter)"
)
_ALARM = r"(alarms?|detectors?|monitors?|sensors?)"
_SOUNDS = r"(going off|go(es)? off|went off|beeping|chirping|screaming|blaring|sounding|ringing|won ?t stop|is on|red)"
_POURS = r"(pour\w*|gush\w*|spray\w*|shoot\w*|spurt\w*|stream\w*|rush\w*|flood\w*|burst\w*|com(es|ing) (down|through))"
_HEATING = r"(furnace|boiler|heating|heater|heat|radiators?)"
_COLD = r"(freez\w*|below zero|degrees|baby|newborn|infant|elderly|old (mother|father|lady)|sick|so cold|ice cold)"
_ONE = r"(\w+ ){0,%d}"

# The most dangerous first: the first that fits names the kind.
_PATTERNS: list[tuple[str, str]] = [
    (
        INJURY,
        r"(electrocuted|unconscious|passed out|collapsed|not breathing|can ?t breathe|trouble breathing|bleeding)",
    ),
    (INJURY, r"(is|are|am|got|been|was|were|being|badly|seriously) (hurt|injured|scalded|shocked)( badly)?"),
    (INJURY, r"(heart attack|seizure|severe burns?|burned (him|her|my|his|them)\w*)"),
    (CARBON_MONOXIDE, rf"(carbon ?monoxide|co|c o) {_ONE % 1}{_ALARM} {_ONE % 4}{_SOUNDS}"),
    (CARBON_MONOXIDE, r"(carbon ?monoxide|co) (leak\w*|poison\w*|reading|level)"),
    (CARBON_MONOXIDE, rf"(smell|think|there s|there is|got|have|full of) {_ONE % 2}carbon ?monoxide(?! {_ALARM})"),
    (
        CARBON_MONOXIDE,
        rf"(dizzy|headaches?|nauseous|light ?headed) {_ONE % 10}(furnace|boiler|heater|stove|fumes|exhaust)",
    ),
    (
        CARBON_MONOXIDE,
        rf"(furnace|boiler|heater|stove|fumes|exhaust) {_ONE % 10}(dizzy|headaches?|nauseous|light ?headed)",
    ),
    (GAS, rf"(smell\w*|odou?r|whiff|stink\w*|reek\w*|stench) {_ONE % 4}(gas|propane|rotten eggs?|sulfur)(?! station)"),
    (GAS, r"(gas|propane|rotten eggs?|sulfur) (smell\w*|odou?r|stench|fumes)"),
    (GAS, rf"(gas|propane)( \w+)? {_ONE % 2}(leak\w*|escap\w*|hiss\w*|broke\w*|ruptur\w*|cut through|snapped)"),
    (GAS, rf"hiss\w* {_ONE % 6}(gas|propane)"),
    (GAS, r"(gas|propane) (is|s|keeps) (still )?(coming|blowing|pouring|flowing) out"),
    (
        GAS,
        rf"(leak\w*|hiss\w*|hit|broke|cut|ruptured|snapped|puncture\w*) {_ONE % 3}gas( (line|pipe|main|meter|hose))?\b",
    ),
    (FIRE, r"(on fire|in flames|caught fire|catch\w* fire|flames|house fire|grease fire|kitchen fire|electrical fire)"),
    (FIRE, r"(there s|there is|is|started|have|a small|a big) (a )?fire( in| at| on| behind| under|$)"),
    (FIRE, r"fire (in|behind|under|inside) (the|my|our|a) "),
    (FIRE, rf"smoke (?!{_ALARM}){_ONE % 3}(com\w*|pour\w*|ris\w*|everywhere|out of|from|fill\w*|in the)"),
    (FIRE, rf"(see|seeing|smell\w*|full of|filling with|fills? with|lots of|black|thick) {_ONE % 2}smoke"),
    (FIRE, r"(is|are|s|started|keeps|began) (\w+ )?(smoking|smoldering|smouldering|burning)( (up|down))?\b"),
    (FIRE, rf"(burning smell|smell\w* (\w+ )?(burn\w*|burnt)|(melting|melted|scorched|charred) {_ONE % 2}{_ELECTRIC})"),
    (FIRE, rf"{_ELECTRIC} {_ONE % 3}(melting|melted|scorched|charred|glowing)"),
    (FIRE, rf"(burning|burnt) {_ONE % 2}(plastic|wires?|rubber) "),
    (ELECTRICITY, rf"(water|leak\w*|flood\w*|drip\w*|rain|wet|soak\w*) {_ONE % 8}{_ELECTRIC}\b"),
    (ELECTRICITY, rf"{_ELECTRIC}s? {_ONE % 5}(under ?water|in (the )?water|wet|soaked|flooded|dripping)"),
    (ELECTRICITY, r"(spark(s|ing|ed)|arcing|live wires?|bare wires?)(?! plugs?)"),
    (
        ELECTRICITY,
        rf"(shock(s|ed)?|zap(s|ped)?|tingl\w*) {_ONE % 4}(from|by|off|when|every time|touch\w*|water|faucet|tap)",
    ),
    (
        SEWAGE,
        rf"(sewage|sewer|raw waste|poop|feces) {_ONE % 5}(back\w*|com\w*|overflow\w*|flood\w*|everywhere|ris\w*|up)",
    ),
    (SEWAGE, rf"(back\w*|com\w*|flood\w*|overflow\w*|full of) {_ONE % 4}(sewage|raw waste|feces)"),
    (
        WATER,
        rf"(pipes?|hose|line|main|tank|heater|valve) {_ONE % 3}"
        r"(burst\w*|exploded|broke\w*|ruptured|split|blew|snapped)",
    ),
    (WATER, r"(burst|busted|broken|exploded|ruptured) (water )?(\w+ )?(pipes?|main|tank|hose|water heater)"),
    (
        WATER,
        rf"(water|it) {_ONE % 3}{_POURS} {_ONE % 3}"
        r"(ceiling|wall|floor|house|basement|everywhere|out|through|down|in)\b",
    ),
    (
        WATER,
        rf"(water|geyser) {_ONE % 2}(everywhere|all over|keeps coming|won ?t stop|is rising|spraying|gushing|pouring)",
    ),
    (
        WATER,
        rf"(basement|house|home|kitchen|bathroom|apartment|cellar|floor|garage|crawl ?space|room|hallway|place|we|i)"
        rf" (is|are|s|re|m|has|was just|just|keeps?) {_ONE % 2}(flood(ing|ed)|under ?water|filling up)"
        r"(?! with (work|calls|e ?mails?))",
    ),
    (WATER, rf"flood(ing|ed)? {_ONE % 2}(my|our|the) (basement|house|home|kitchen|bathroom|apartment|cellar|garage)"),
    (
        WATER,
        rf"(can ?t|cannot|couldn ?t|won ?t|doesn ?t) {_ONE % 2}(shut|turn\w*|stop|close) {_ONE % 3}"
        r"(water|off|valve|leak\w*|flow)",
    ),
    (WATER, rf"(overflow\w*) {_ONE % 4}(won ?t stop|can ?t|everywhere|floor|ceiling)"),
    (WATER, rf"ceiling {_ONE % 3}(collaps\w*|caving|caved|coming down|bulging|falling)"),
    (WATER, r"(inch\w*|foot|feet) of water"),
    (
        NO_HEAT,
        rf"(no|without|lost|don ?t have( any)?|out of) {_ONE % 1}{_HEATING} {_ONE % 12}{_COLD}",
    ),
    (NO_HEAT, rf"{_HEATING} {_ONE % 3}(died|dead|quit|out|broke\w*|stopped|off|failed|down) {_ONE % 12}{_COLD}"),
    (NO_HEAT, rf"{_COLD} {_ONE % 10}(no|without) {_HEATING}"),
    (
        TRAPPED,
        r"(locked|trapped|stuck) (in|inside) (the|a|my|our) (\w+ )?(car|bathroom|room|house|elevator|basement|closet)",
    ),
]
_ALARMS = [(kind, re.compile(rf"\b{pattern}")) for kind, pattern in _PATTERNS]

_CLAUSES = re.compile(r"[.!?;:,\n]+|\b(?:but|however|although|though|because|and now|so now)\b")
_DENIED = re.compile(
    r"\b(no|not|never|without|don ?t|doesn ?t|didn ?t|isn ?t|wasn ?t|aren ?t|haven ?t|hasn ?t|nothing|none|nobody)"
    r" (\w+ ){0,2}$"
)
_PAST = re.compile(
    r"\b(last (week|month|year|winter|summer|spring|fall|autumn|time|season)|(weeks?|months?|years?) ago|used to"
    r"|(invoice|bill|receipt) (for|about)|you( guys)? (already )?(fixed|repaired|replaced)"
    r"|back in (19|20)\d\d|in (19|20)\d\d|(is|was|got|been|were) (all )?(fixed|repaired|replaced|resolved|put out)"
    r"|a while ago|a long time ago|years back|once had|one time)\b"
)
_ASKED = re.compile(
    r"\b(what if|in case|if (i|we|there|it|you|my|the|a) |how much|what (do|would|does|is the) |price|pricing|cost\w*"
    r"|charge|quote|estimate|do you (do|handle|fix|repair|offer|install|deal|work|take|cover|sell|also|guys)"
    r"|install\w*|inspect\w*|prevent\w*|protect\w*|maintenance|schedule|annual|certif\w*|insurance|warranty|damper"
    r"|restoration|remodel\w*|resistant|extinguishers?|batter(y|ies)|test(ing|ed)?|movie|song|joke)\b"
)
# Words that look like danger and are something else.
_HARMLESS = re.compile(
    r"\b(fire ?(place|pit|wood|wall|works|department|station|marshal|sale|code|rated|truck|sprinkler)s?|gas station"
    r"|spark ?plugs?|burning question|smoke test|flood(ed)? with (work|calls|e ?mails?|orders|requests)|flood ?lights?"
    r"|heat pump|burst out|fired|sticker shock|shock absorbers?|on fire (lately|today|this)|prices? (is|are) on fire"
    r"|burning (daylight|money|calories|wood|oil)|burn off)\b"
)


def words_alarm(text: str) -> str | None:
    """The kind of danger that these words of a caller mean now; None when they mean none."""
    clauses = [_HARMLESS.sub("_", " ".join(clause.split())) for clause in _CLAUSES.split(_plain(text))]
    for kind, pattern in _ALARMS:
        for clause in clauses:
            if any(_is_meant(clause, found.start()) for found in pattern.finditer(clause)):
                return kind
    return None


def _is_meant(clause: str, at: int) -> bool:
    return not (_DENIED.search(clause[:at]) or _PAST.search(clause) or _ASKED.search(clause))


def _plain(text: str) -> str:
    """In small letters, without accents; apostrophes and dashes become spaces, what parts clauses stays."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub(r"[^a-z0-9.!?;:,\n]+", " ", letters)
