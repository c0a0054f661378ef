"""Hanging up: only after the goodbye was heard, never later than the patience for it, and not if the caller speaks."""

LONGEST = 5.0
"""Seconds that the last mark of the goodbye may take, and that the goodbye may take to begin."""


class Goodbye:
    """`until` is when the call ends at the latest, None while nobody wants to hang up."""

    def __init__(self) -> None:
        self.until: float | None = None
        self.was_spoken = False

    def begin(self, now: float, *, was_spoken: bool) -> None:
        """The agent wants to hang up. `was_spoken`: it said goodbye in the same breath."""
        self.until = now + LONGEST
        self.was_spoken = was_spoken

    def response_done(self, now: float, *, was_spoken: bool) -> None:
        """A response is over; if it was spoken, it is the goodbye, and what is left of it is still to be heard."""
        if self.until is not None:
            self.until = now + LONGEST
            self.was_spoken = self.was_spoken or was_spoken

    def cancel(self) -> bool:
        """The caller has something to say after all."""
        was_wanted = self.until is not None
        self.until, self.was_spoken = None, False
        return was_wanted
