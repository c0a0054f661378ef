"""What questions about a business are about: words that mean the same become one, and "not" turns a question round."""

import re

from calls.domain.words import meaning_of

# Written as they come out of `words_of`: small letters, without the plural's s.
_SAME = {
    "card": "visa mastercard amex discover credit debit",
    "payment": "pay paying paid",
    "check": "cheque",
    "payapp": "venmo zelle paypal cashapp applepay",
    "license": "licensed licence licenced licensing",
    "insurance": "insured insure liability",
    "bond": "bonded bonding",
    "certified": "certification certificate certify",
    "warranty": "guarantee guaranteed guaranty warrantied warrantee",
    "estimate": "quote quotation",
    "brand": "make manufacturer",
    "discount": "coupon promotion rebate",
    "financing": "finance installment",
    "emergency": "urgent",
    "location": "located address",
    "cancellation": "cancel canceling cancelling cancelation",
    "background": "vetted vetting screened",
}
_ONE = {word: topic for topic, words in _SAME.items() for word in words.split()}
# A particular way to pay is answered by what is said of paying in general, and never by what is said of another way.
_KINDS_OF = {"card": "payment", "cash": "payment", "check": "payment", "payapp": "payment"}
_FILLING = frozenset(
    ["take", "accept", "offer", "provide", "need", "want", "form", "type", "kind", "method", "way", "option"]
    + ["youre", "youve", "im", "ive", "whats", "whos", "theyre", "theres"]
)
_PHRASES = [
    (re.compile(r"\b(gift|business|sim|key|membership|punch) ?cards?\b"), r"\1card"),
    (re.compile(r"\bamerican express\b"), "amex"),
    (re.compile(r"\b(apple|google) pay\b"), "applepay"),
    (re.compile(r"\bcash app\b"), "cashapp"),
    (re.compile(r"\bstand behind\b"), "warranty"),
    (re.compile(r"\bor not\b"), " "),
]
_TURNED = re.compile(
    r"\b(not|no|never|none|nothing|without|except\w*|exclu\w+|void\w*|expired?|revoked|suspended|lapsed|lost|unless"
    r"|(is|are|was|were|do|does|did|has|have|can|could|will|would|should)n ?t|cannot|stop(ped)? \w+ing)\b"
)


def topics_of(text: str) -> frozenset[str]:
    """The words that say what a question is about; those that say little only where there are no others."""
    found = frozenset(_ONE.get(word, word) for word in meaning_of(_plain(text)))
    return found - _FILLING or found


def in_general(topics: frozenset[str]) -> frozenset[str]:
    """The same with the general word for each particular kind: "card" is about paying."""
    return frozenset(_KINDS_OF.get(topic, topic) for topic in topics)


def is_turned_round(text: str) -> bool:
    """Whether a question asks for the contrary: what is not covered, whether a license has expired."""
    return _TURNED.search(_plain(text)) is not None


def _plain(text: str) -> str:
    plain = " ".join(re.sub(r"[^\w\s]+", " ", text.casefold().replace("’", "'").replace("'", "")).split())
    for pattern, word in _PHRASES:
        plain = pattern.sub(word, plain)
    return plain
