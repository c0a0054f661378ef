"""Leaving the stream, to hang up or to a person: only after the last words were heard, and within a few seconds."""

TRANSFERRED = "transferred"
SETTLED = (TRANSFERRED, "max_duration")
"""Ends that the caller's voice does not put off."""
LONGEST = 5.0
"""Seconds that the last mark of the goodbye may take, and that the goodbye may take to begin."""
LONGEST_LAST, MOST_LAST = 3.5, 7.5
"""Seconds that the last sentence may take of a server that ends, and that one may which is longer than ours."""
LAST_GRACE = 0.3
"""Seconds on top of that sentence in which its mark may come."""


class Goodbye:
    """`until` is when the stream ends at the latest, None while nobody wants to leave; `reason` is why it ends."""

    def __init__(self) -> None:
        self.until: float | None = None
        self.was_spoken = False
        self.reason = ""
        self.is_last = False
        """Whether the server ends with it: nobody stays, and nothing is said behind it."""

    def begin(self, now: float, *, reason: str, was_spoken: bool) -> None:
        """The agent wants to leave. `was_spoken`: it said its last words in the same breath."""
        if self.is_last:
            return
        self.until = now + LONGEST
        self.reason = reason
        self.was_spoken = was_spoken

    def close(self, now: float, *, reason: str, last_seconds: float) -> bool:
        """The server ends, behind a sentence of so many seconds. Whether that is news; who was leaving as it is only
        has to hurry."""
        is_news = self.until is None
        if self.until is None:
            self.reason, self.was_spoken = reason, True
        latest = now + min(max(LONGEST_LAST, last_seconds + LAST_GRACE), MOST_LAST)
        self.is_last, self.until = True, min(self.until or latest, latest)
        return is_news

    def response_done(self, now: float, *, was_spoken: bool) -> None:
        """A response is over; if it was spoken, it is the goodbye, and what is left of it is still to be heard."""
        if self.until is not None:
            self.until = self.until if self.is_last else now + LONGEST
            self.was_spoken = self.was_spoken or was_spoken

    def cancel(self) -> bool:
        """The caller has something to say after all: the agent stays, unless a person takes over."""
        if self.is_last or self.reason in SETTLED:
            return False
        was_wanted = self.until is not None
        self.until, self.was_spoken = None, False
        return was_wanted
