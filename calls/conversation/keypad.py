"""Keys that the caller pressed, gathered until a pause or `#`, so that a number reaches the model in one piece."""

KEYPAD = "keypad-"  # begins the name of an item
PAUSE = 1.2
LONGEST = 32
LONGEST_SHOWN = 6
"""A longer run may be a card number: the transcript shows only its length."""


class Keypad:
    def __init__(self) -> None:
        self.complete_at: float | None = None
        self.count = 0
        self._digits = ""

    def press(self, digit: str, now: float) -> None:
        self._digits = (self._digits + digit)[:LONGEST]
        self.complete_at = now + PAUSE

    def is_complete(self, now: float) -> bool:
        return self.complete_at is not None and (now >= self.complete_at or self._digits.endswith("#"))

    def take(self) -> str:
        digits, self._digits = self._digits, ""
        self.complete_at = None
        self.count += 1
        return digits

    @staticmethod
    def shown(digits: str) -> str:
        return " ".join(digits) if len(digits) <= LONGEST_SHOWN else f"{len(digits)} digits"
