"""What an agent claims to have done, by its words: patterns over one sentence, and what makes a claim none.

A claim is said as done or as promised. Offers, questions, conditions and negations claim nothing: "I can book that",
"shall I book it", "once you confirm, you're booked", "you're not booked yet".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_JUST = r"(?:just|now|already|also|all|gone ahead and|went ahead and|successfully|officially) "
_DID = rf"(?:i|we)(?: have|'ve)? (?:{_JUST}){{0,2}}"
_HAS = rf"(?:is|are|was|were|has|have|'s|'re|'ve)(?: been)? (?:{_JUST}){{0,2}}(?:been )?(?:{_JUST})?"
_YOU = rf"you(?:'re| are|'ve been| have been) (?:{_JUST}){{0,2}}"
_VISIT = r"(?:appointment|visit|booking|time slot|time|slot)"
_YOUR_VISIT = rf"(?:your|the|that|this|an)(?: [\w']+){{0,2}} {_VISIT}"
_DAY = (
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|today|tonight|this (?:morning|afternoon|evening)|between)"
)
_TIME = (
    r"(?:at|on|by|around|about|next|the|first|thing|half|past|noon|o'clock|a\.?m\.?|p\.?m\.?|\d[\d:]*"
    r"|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
)
_WHEN = rf"(?:{_TIME} )*{_DAY}"
_YOUR_PLACE = r"(?:out )?(?:there|with you|at your (?:place|house|home|door|address))"
_COME = rf"(?:see you|be {_YOUR_PLACE}|come(?: by| out| over)?|arrive|stop by)"
_ON_CALL = r"(?:technician|plumber|electrician|locksmith|crew)"
_PERSON = (
    r"(?:i|we|he|she|they|someone|somebody|(?:a|an|the|your|our) (?:\w+ )?"
    r"(?:plumber|technician|electrician|locksmith|driver|manager|owner|person|colleague|specialist|office|team)"
    r"|one of our \w+|(?:someone|somebody) from [\w ]{2,20})"
)
_WILL = r"(?: will|'ll|(?: is|'s| are|'re| am|'m) going to)"
_SENT_OUT = r"(?:technician|plumber|electrician|locksmith|driver|truck|crew|someone|somebody|help|team)"
_CALL = r"(?:call|ring|phone|contact)"
_QUOTE = r"(?:quote|estimate)"


@dataclass(frozen=True, slots=True)
class Claim:
    """A kind of claim: what it says is there, and how it is said."""

    what: str
    pattern: re.Pattern[str]


def _claim(what: str, *patterns: str) -> Claim:
    return Claim(what, re.compile("|".join(rf"\b(?:{pattern})" for pattern in patterns), re.IGNORECASE))


MOVE = _claim(
    "a moved booking",
    rf"{_DID}(?:moved|rescheduled|changed|switched|shifted|pushed) (?:you|it|that|{_YOUR_VISIT})\b",
    rf"(?:{_VISIT}|it|that) ?{_HAS}(?:moved|rescheduled|changed|switched) to\b",
    rf"{_YOU}(?:moved|rescheduled|switched)\b",
)
CANCELLATION = _claim(
    "a cancelled booking",
    rf"{_DID}cancell?ed (?:it|that|{_YOUR_VISIT})\b",
    rf"(?:{_VISIT}|it|that) ?{_HAS}cancell?ed\b",
    rf"{_DID}taken (?:you|it|that|{_YOUR_VISIT}) off the (?:schedule|calendar|books)\b",
)
QUOTE = _claim(
    "a quote by e-mail",
    rf"{_DID}(?:e-?mailed|sent)(?: you)? (?:over )?(?:the|your|a|that|this) (?:\w+ )?(?:{_QUOTE}|price)\b",
    rf"{_QUOTE} ?(?:(?:is|'s) (?:{_JUST})?on its way|{_HAS}(?:sent|e-?mailed))\b",
    rf"(?:you (?:should )?(?:now )?have (?:the|your) )?{_QUOTE}(?: is| should be)?(?: now)? in your inbox\b",
    rf"i(?:'m| am) (?:{_JUST})?(?:sending|e-?mailing) (?:you )?(?:the|your|that|a) {_QUOTE}\b",
)
LETTER = _claim(
    "an e-mail",
    rf"{_DID}(?:e-?mailed|sent) (?:it|that|a confirmation) to (?:you\b|your|that address)",
    rf"{_DID}sent you an e-?mail\b",
    rf"{_DID}e-?mailed (?:you )?(?:it|that|a confirmation)\b(?! (?:\w+ )?{_QUOTE})",
)
CALLBACK = _claim(
    "a callback",
    rf"{_PERSON}{_WILL} (?:\w+ )?(?:{_CALL} you|give you a (?:call|ring)|get back (?:to|with) you|reach out)\b",
    rf"{_PERSON}{_WILL} (?:\w+ )?be (?:in touch|calling you|reaching out|contacting you)\b",
    rf"(?:i|we)(?:'ll| will) have (?:\w+ ){{1,4}}{_CALL} you\b",
    rf"{_DID}asked (?:\w+ ){{1,4}}to {_CALL} you\b",
    r"you(?:'ll| will| can expect to| should) (?:get|receive|hear|expect)"
    r" (?:a call|(?:back )?from (?:us|someone|somebody))",
    r"(?:you can )?expect (?:a|our) (?:call|callback)\b",
    rf"{_DID}(?:arranged|scheduled|booked|set up|noted|requested) (?:a|your|the|that) (?:call ?back|call)\b",
    rf"(?:a|your|the) call ?back {_HAS}(?:arranged|scheduled|booked|set|noted)\b",
)
BOOKING = _claim(
    "a booking",
    rf"{_YOU}(?:set|down) for\b",
    rf"{_YOU}(?:booked|scheduled|on the (?:schedule|calendar|books))\b",
    rf"{_DID}(?:got|have|put|booked|scheduled) you (?:all )?(?:booked|scheduled|down|set|in|on the)\b",
    r"(?:i|we) have you (?:all )?(?:booked|scheduled|down|set|in|on the)\b",
    rf"{_DID}(?:booked|scheduled|reserved|confirmed|secured|locked in) (?:you|it|that|this|your|an?|the)\b"
    r"(?! call ?back| call\b)",
    rf"{_DID}(?:made|set up|put in|added|created) {_YOUR_VISIT}\b",
    rf"(?:{_VISIT}|it|that|this) ?{_HAS}(?:booked|confirmed|scheduled|reserved|set(?: for| up|$))",
    r"consider it (?:booked|done)\b",
    r"^(?:[\w ]+, )?(?:all )?booked(?=[!.,])",
    rf"^(?:[\w ]+, )?see you (?:on |then on )?{_DAY}",
    rf"{_DID}(?:booked|scheduled|reserved|confirmed|secured|locked in) {_DAY}",
    rf"{_YOUR_VISIT} (?:on|for|at) (?:[\w']+ ){{1,6}}{_HAS}(?:booked|confirmed|scheduled|reserved|set)\b",
    rf"(?:we|{_PERSON}){_WILL} {_COME} (?:(?:on |at )?\w+ )?{_WHEN}",
    rf"[a-z]+(?: will|'ll) {_COME} {_WHEN}",
    rf"(?:i|we)(?:'ll| will) have (?:\w+ ){{1,3}}?(?:{_YOUR_PLACE}|come (?:by|out|over)) {_WHEN}",
)
MESSAGE = _claim(
    "a message",
    rf"{_DID}(?:passed|forwarded|sent|relayed|delivered) (?:on )?(?:your message|that|it|this|everything)"
    r" (?:on |along )?to (?:the|our|my|him|her|them|(?-i:[A-Z])\w+)\b(?! address| e-?mail| inbox| \w+ address)",
    rf"{_DID}(?:taken|written|noted|taken down|jotted)(?: down)? (?:your|a|the) (?:message|note)\b",
    rf"{_DID}(?:passed|forwarded|sent|relayed|recorded|saved) (?:on )?your message\b",
    rf"{_DID}left (?:a|your) (?:note|message)\b",
    rf"message {_HAS}(?:sent|passed|forwarded|taken|recorded|delivered|saved)\b",
    r"i(?:'ll| will) make sure (?:that )?[\w ]{2,20} (?:gets?|sees?|receives?) (?:your|the|this|that) message\b",
    rf"{_DID}(?:let|told|informed|notified)"
    r" (?:them|him|her|(?:the|our|my) (?:owner|team|office|manager|boss|colleagues?))\b",
)
DISPATCH = _claim(
    "somebody on the way",
    rf"{_SENT_OUT}(?: is|'s| are) (?:{_JUST})?(?:on (?:the|its|his|her|their) way|heading|headed|coming|en route)\b",
    rf"{_DID}(?:dispatched|sent(?: out)?|got) (?:a|the|our|an)? ?(?:\w+ )?{_SENT_OUT}\b",
    rf"(?:i'm|i am|we're|we are) (?:{_JUST})?(?:sending|dispatching) (?:\w+ ){{0,2}}{_SENT_OUT}\b",
)
ALERT = _claim(
    "a technician who was told",
    rf"{_DID}(?:alerted|notified|paged|informed|called|told) (?:the|our|an?|your) (?:[\w-]+ )?{_ON_CALL}\b",
    rf"{_ON_CALL}(?: on (?:call|duty))? ?{_HAS}(?:alerted|notified|paged|informed|told)\b",
)
CLAIMS = (BOOKING, MOVE, CANCELLATION, QUOTE, LETTER, CALLBACK, MESSAGE, DISPATCH, ALERT)

_SENTENCES = re.compile(r"(?<=[.!?;:])\s+|\n+")
_CLAUSES = re.compile(r",| and | but ")
# A comma does not end a condition: "once you confirm, you're booked".
_CONDITION = re.compile(
    r"\b(?:if|once|unless|until|before|after|as soon as|whether|in case|when(?!ever you)|last time|to get|taken by)\b",
    re.IGNORECASE,
)
_CONDITION_AFTER = re.compile(
    r"\b(?:if you(?:'d)? (?:like|want|prefer|wish|leave|give|tell|confirm)|if we|when you)\b", re.IGNORECASE
)
# What depends on somebody else is said right behind it: "he will call you if he's running late".
_CONDITION_BEHIND = re.compile(
    r"^(?: [\w']+){0,3}? (?:if|when|before|once|in case) (?:he|she|they|it|there|anything|something)\b", re.IGNORECASE
)
_NOT_SAID_AS_DONE = re.compile(
    r"(?:\b(?:not|never|no one|nobody|nothing|neither|can|could|would|should|shall|may|might|able to|let me|want|like"
    r"|need|has to|have to|sure|does|do|did|how|which)|n't|\bno)\b[^,]*$",
    re.IGNORECASE,
)
_NEGATED_INSIDE = re.compile(r"\b(?:not|never|nobody|no one)\b|n't\b", re.IGNORECASE)
_ASKS = re.compile(
    r"^(?:(?:okay|ok|so|and|great|alright|all right|sure|well|or),? )*"
    r"(?:would|shall|should|can|could|do|does|did|have|has|are|is|was|were|may|what|when|which|who|how|want)\b",
    re.IGNORECASE,
)


def claims_of(texts: Iterable[str]) -> set[Claim]:
    """What these turns of an agent claim."""
    sentences = [sentence for text in texts for sentence in _SENTENCES.split(text.replace("’", "'")) if sentence]
    return {claim for sentence in sentences for claim in CLAIMS if _is_claimed(claim, sentence)}


def _is_claimed(claim: Claim, sentence: str) -> bool:
    if sentence.endswith("?") and _ASKS.match(sentence):
        return False
    return any(_is_said_as_done(found, sentence) for found in claim.pattern.finditer(sentence))


def _is_said_as_done(found: re.Match[str], sentence: str) -> bool:
    before, after = sentence[: found.start()], sentence[found.end() :]
    if sentence.endswith("?") and "," not in after:  # "you're all set for nine, anything else?" is said, and then asked
        return False
    clause = _CLAUSES.split(before)[-1]
    is_open = _CONDITION.search(before) or _CONDITION_AFTER.search(after) or _CONDITION_BEHIND.match(after)
    return not (is_open or _NOT_SAID_AS_DONE.search(clause) or _NEGATED_INSIDE.search(found.group()))
