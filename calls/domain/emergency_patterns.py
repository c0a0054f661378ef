"""What danger sounds like, in English: patterns over a clause in small letters, without accents and apostrophes."""

import re

GAS, FIRE, CARBON_MONOXIDE, ELECTRICITY = "gas", "fire", "carbon_monoxide", "water_near_electricity"
INJURY, WATER, SEWAGE, NO_HEAT, TRAPPED = "injury", "water", "sewage", "no_heat", "trapped"

_ONE = r"(\w+ ){0,%d}"
_WATER = r"water(?! (heaters?|bills?|meters?|softeners?|company|filters?|tanks?|pressure))"
_ELECTRIC = (
    r"(electric\w*|outlets?|sockets?|wiring|wires?|fuse ?box\w*|breakers?|breaker box\w*|panel|power strips?"
    r"|light ?fixtures?|lights?|lamps?(?! post)|light ?switch\w*|switch\w*|chandelier)"
)
_ALARM = r"(alarms?|detectors?|monitors?|sensors?)"
_SOUNDS = (
    r"(going off|go(es)? off|went off|beep\w*|chirp\w*|scream\w*|blar\w*|sound\w*|ringing|won ?t stop|is on|red"
    r"|says?|reads?|shows?|evacuate|trip(s|ped)|was triggered)"
)
_LOUD = r"(going off|goes off|went off|scream\w*|blar\w*|won ?t stop)"
_SICK = r"(dizzy|headaches?|nauseous|nauseated|light ?headed|throwing up|faint(ed|ing)?|sleepy)"
_BURNER = r"(furnace|boiler|heater|stove|fumes|exhaust|generator)"
_POURS = r"(pour\w*|gush\w*|spray\w*|shoot\w*|spurt\w*|stream\w*|rush\w*|flood\w*|burst\w*|com(es|ing) (down|through))"
_HEATING = r"(furnace|boiler|heating|heater|heat|radiators?)"
_COLD = (
    r"(freez\w*|below zero|below|degrees|baby|newborn|infant|elderly|old (mother|father|lady)|sick|so cold|ice cold)"
)
_BODY = r"(hands?|arms?|face|legs?|foot|feet|skin|eyes?|fingers?|back|chest|son|daughter|kids?|child|baby|wife|husband)"
_ROOM = (
    r"(basement|house|home|kitchen|bathroom|bedroom|apartment|cellar|floor|garage|crawl ?space|room|hallway|place|yard)"
)
_RUNS_OUT = r"(pipes?|hose|line|leak\w*|valve|hydrant|sprinklers?)"

_SICK_AND_BURNER = [
    (CARBON_MONOXIDE, rf"{_SICK} {_ONE % 10}({_BURNER}|{_ALARM} {_ONE % 2}{_SOUNDS})"),
    (CARBON_MONOXIDE, rf"({_BURNER}|{_ALARM} {_ONE % 2}{_SOUNDS}) {_ONE % 10}{_SICK}"),
]

_BLED = r"(((the|a|an|my|our|all|out) )*(radiators?|air|lines?|valves?|system|brakes?|boiler|heat\w*)|it|them)\b"

# The most dangerous first: the first that fits names the kind.
_PATTERNS: list[tuple[str, str]] = [
    (
        INJURY,
        r"(electrocuted|unconscious|unresponsive|passed out|fainted|collapsed|can ?t breathe|trouble breathing"
        r"|not (breathing|moving|responding|waking up)"
        rf"|bleeding(?! {_BLED}))",
    ),
    (
        INJURY,
        r"(is|are|am|got|been|was|were|being|badly|seriously) (hurt|injured|scalded)\b( badly)?"
        r"(?! by (that|the|your) (price|bill))",
    ),
    (INJURY, rf"burned (himself|herself|myself|themselves|him|(my|his|her|their) {_BODY})\b"),
    (INJURY, r"(heart attack|seizure|severe burns?|(got|was|were) (badly )?burned (by|from|on|when))"),
    (CARBON_MONOXIDE, rf"(carbon ?monoxide|co|c o) (?!{_ALARM}$){_ONE % 1}{_ALARM} {_ONE % 8}{_SOUNDS}"),
    (CARBON_MONOXIDE, rf"(carbon ?monoxide) {_ONE % 5}{_LOUD}"),
    (CARBON_MONOXIDE, r"(carbon ?monoxide|co) (leak\w*|poison\w*|reading|level)"),
    (CARBON_MONOXIDE, rf"(smell|think|there s|there is|it s|got|have|full of) {_ONE % 2}carbon ?monoxide(?! {_ALARM})"),
    (CARBON_MONOXIDE, rf"{_ALARM} {_ONE % 2}{_SOUNDS} {_ONE % 3}carbon ?monoxide"),
    *_SICK_AND_BURNER,
    (GAS, rf"(gas|propane) {_ALARM} {_ONE % 4}{_SOUNDS}"),
    (GAS, rf"^(help |the |my )?(gas|propane) {_ALARM}$"),
    (
        GAS,
        rf"(smell\w*|odou?r|whiff|stink\w*|reek\w*|stench) {_ONE % 4}(gas|propane|rotten eggs?|sulfur)(?! station)",
    ),
    (GAS, r"(gas|propane|rotten eggs?|sulfur) (smell\w*|odou?r|stench|fumes)"),
    (
        GAS,
        rf"(gas|propane)( \w+)? {_ONE % 2}(leak\w*|escap\w*|hiss\w*|whistl\w*|broke\w*|ruptur\w*|cut through|snapped)",
    ),
    (GAS, rf"hiss\w* {_ONE % 6}(gas|propane)"),
    (GAS, r"(gas|propane) (is |s |keeps )?(still )?(coming|blowing|pouring|flowing) (out|from)"),
    (
        GAS,
        rf"(there s|there is|full of|filling with) {_ONE % 1}(gas|propane) "
        r"(everywhere|all over|(in|inside) (my|our|the) (?!tank|car|truck|can))",
    ),
    (GAS, rf"(leak\w*|hiss\w*|cut|ruptured|snapped|puncture\w*) {_ONE % 3}gas( (line|pipe|main|meter|hose))?\b"),
    (
        GAS,
        rf"(hit|broke|struck|nicked|(back\w*|crash\w*|drove|drilled|dug|ran) {_ONE % 3}(into|through)) {_ONE % 3}"
        r"gas (line|pipe|main|meter)",
    ),
    (GAS, r"gas (line|pipe|main|meter) (just )?(got|was|has been) (hit|struck|cut|damaged|ripped)"),
    (FIRE, r"^(help |oh my god |please )*(a |the )?(fire|smoke)( fire| smoke| please)*$"),
    (FIRE, r"(on fire|in flames|caught fire|catch\w* fire|flames|house fire|grease fire|kitchen fire|electrical fire)"),
    (FIRE, r"(there s|there is|is|started|have|a small|a big) (a )?fire( in| at| on| behind| under|$)"),
    (FIRE, r"fire (in|behind|under|inside) (the|my|our|a) "),
    (FIRE, rf"(smoke|fire) {_ALARM} {_ONE % 2}(going off|went off|scream\w*|blar\w*)"),
    (FIRE, rf"smoke (?!{_ALARM}){_ONE % 3}(com\w*|pour\w*|ris\w*|everywhere|out of|from|fill\w*|in the)"),
    (FIRE, rf"(see|seeing|smell\w*|full of|filling with|fills? with|lots of|black|thick) {_ONE % 2}smoke(?! {_ALARM})"),
    (FIRE, r"(is|are|s|started|keeps|began) (\w+ )?(smoking|smoldering|smouldering|burning)( (up|down))?\b"),
    (
        FIRE,
        rf"(burning smell|smell\w* {_ONE % 2}(burn\w*|burnt)|(melting|melted|scorched|charred) {_ONE % 2}{_ELECTRIC})",
    ),
    (FIRE, rf"{_ELECTRIC} {_ONE % 3}(melting|melted|scorched|charred|glowing)"),
    (FIRE, rf"(burning|burnt) {_ONE % 2}(plastic|wires?|rubber)\b"),
    (
        ELECTRICITY,
        rf"({_WATER}|leak\w*|flood\w*|drip\w*|rain|wet(?! (spots?|stains?|patch))|soak\w*) {_ONE % 8}{_ELECTRIC}\b",
    ),
    (ELECTRICITY, rf"{_ELECTRIC}s? {_ONE % 5}(under ?water|in (the )?water|wet|soaked|flooded|dripping)"),
    (ELECTRICITY, rf"(exposed|loose|hanging) wires? {_ONE % 6}(touch\w*|grabbed|wet|water|rain)"),
    (ELECTRICITY, r"(spark(s|ing|ed)|arcing|live wires?|bare wires?)(?! plugs?)"),
    (
        ELECTRICITY,
        rf"(shock(s|ed)?|zap(s|ped)?|tingl\w*) {_ONE % 4}(from|by|off|when|every time|touch\w*|water|faucet|tap)",
    ),
    (SEWAGE, r"(raw sewage|sewage (is )?(all over|everywhere|on|in))"),
    (
        SEWAGE,
        rf"(sewage|sewer|raw waste|poop|feces) {_ONE % 5}(back\w*|com\w*|overflow\w*|flood\w*|everywhere|ris\w*|up)",
    ),
    (SEWAGE, rf"(back\w*|com\w*|flood\w*|overflow\w*|full of) {_ONE % 4}(sewage|raw waste|feces)"),
    (WATER, rf"(pipes?|hose|line|main|tank|heater|valve) {_ONE % 3}(blew|snapped)"),
    (WATER, rf"(pipes?|hose|line|main|tank|heater|valve) {_ONE % 8}(burst\w*|exploded|ruptured)"),
    (WATER, r"it (just |has )?(burst|blew|flooded) again"),
    (WATER, r"(burst|busted|exploded|ruptured) (water )?(\w+ )?(pipes?|main|tank|hose|water heater)"),
    (
        WATER,
        rf"({_WATER}|it) {_ONE % 3}{_POURS} {_ONE % 3}"
        r"(ceiling|wall|floor|house|basement|everywhere|out|through|down|in)\b",
    ),
    (
        WATER,
        rf"(raining|pouring|streaming) (down )?(in|inside|into|through|from) (my|our|the) ({_ROOM}|ceiling|walls?)",
    ),
    (
        WATER,
        rf"({_WATER}|geyser) {_ONE % 2}"
        r"(everywhere|all over|keeps (coming|rising)|won ?t stop|is rising|spraying|gushing|pouring)",
    ),
    (WATER, rf"\b(it|this|everything|{_ROOM}|we|i) (is|are|s|re|m|has|was just|just|keeps?) {_ONE % 2}flood(ing|ed)"),
    (WATER, rf"{_ROOM} (is|are|s|keeps?) {_ONE % 2}(under ?water|filling up|a lake|a swimming pool)"),
    (WATER, r"^(help |a |the )*flood(ing)?$"),
    (WATER, rf"flood(ing|ed)? {_ONE % 2}(my|our|the) {_ROOM}"),
    (
        WATER,
        rf"(can ?t|cannot|couldn ?t|won ?t|doesn ?t) {_ONE % 2}(shut|turn\w*|stop|close|get) {_ONE % 3}"
        r"(water|valve|leak\w*|flow)(?! (heater|hot|warm|to get (hot|warm)))",
    ),
    (
        WATER,
        rf"({_WATER}|{_RUNS_OUT}) {_ONE % 5}(can ?t|cannot|won ?t|doesn ?t) {_ONE % 2}(shut|turn\w*|stop) "
        rf"{_ONE % 3}off",
    ),
    (WATER, rf"no way to (shut|turn|stop|close) {_ONE % 3}({_WATER}|leak\w*|flow)"),
    (WATER, rf"(gush|spray|shoot|spurt)(s|ing) {_ONE % 1}{_WATER}"),
    (WATER, rf"overflow\w* {_ONE % 4}(won ?t stop|can ?t|everywhere|floor|ceiling)"),
    (
        WATER,
        rf"ceiling (?!fan|light){_ONE % 3}(collaps\w*|caving|caved|com(es|ing) down|came down|bulging|falling|fell)",
    ),
    (WATER, r"(inch\w*|foot|feet) of water"),
    (
        TRAPPED,
        r"(locked|trapped|stuck) (in|inside) (the|a|my|our) (\w+ )?(car|bathroom|room|house|elevator|basement|closet)",
    ),
    (
        TRAPPED,
        rf"(locked|trapped) {_ONE % 5}(baby|toddler|child|kids?|son|daughter|grand\w+|dog|(him|her)self) "
        rf"{_ONE % 2}in\w* ",
    ),
]
# Of these an appointment in days is fine, and the caller who asks for one has said so.
_PATTERNS_THAT_CAN_WAIT: list[tuple[str, str]] = [
    (WATER, rf"(water (line|main|pipe)|main line|main|supply line|pipes?) {_ONE % 2}(just )?(broke|split|is broken)\b"),
    (WATER, r"(broken|split) (water )?(main|pipes?)\b"),
    (NO_HEAT, rf"(no|without|lost|don ?t have( any)?|out of) {_ONE % 1}{_HEATING}(?! pump) {_ONE % 12}{_COLD}"),
    (
        NO_HEAT,
        rf"{_HEATING}(?! pump) {_ONE % 3}(died|dead|quit|out|broke\w*|stopped|off|failed|down) {_ONE % 12}{_COLD}",
    ),
    (NO_HEAT, rf"{_COLD} {_ONE % 10}(no|without) {_HEATING}"),
]

ALARMS = [(kind, re.compile(rf"\b(?:{pattern})")) for kind, pattern in _PATTERNS]
IN_TWO_CLAUSES = [(kind, re.compile(rf"\b(?:{pattern})")) for kind, pattern in _SICK_AND_BURNER]
THAT_CAN_WAIT = [(kind, re.compile(rf"\b(?:{pattern})")) for kind, pattern in _PATTERNS_THAT_CAN_WAIT]
