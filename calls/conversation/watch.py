"""What runs out in a call: the caller's silence, the stream that carries nothing, the time that a call may take."""

ASK_AFTER = 20.0
"""Seconds of silence before the caller is asked, and again before the goodbye."""
QUESTIONS = 2
NO_MEDIA = 30.0
WARN_BEFORE = 60.0
PUT_OFF = 5.0


class SilenceWatch:
    """The caller has the word and says nothing. `due_at` is the next moment to do something about it."""

    def __init__(self) -> None:
        self.due_at: float | None = None
        self.asked = 0

    def caller_acts(self) -> None:
        """The caller speaks or presses a key: all begins anew when it is the caller's turn again."""
        self.due_at, self.asked = None, 0

    def listen(self, since: float) -> None:
        """It is the caller's turn. A question of ours does not begin the count anew."""
        if not self.asked:
            self.due_at = since + ASK_AFTER

    def is_due(self, now: float) -> bool:
        return self.due_at is not None and now >= self.due_at

    def postpone(self, now: float) -> None:
        self.due_at = now + ASK_AFTER

    def ask(self, now: float) -> bool:
        """Whether to ask once more; if not, it is time to say goodbye."""
        if self.asked == QUESTIONS:
            self.due_at = None
            return False
        self.asked += 1
        self.due_at = now + ASK_AFTER
        return True


class MediaWatch:
    """Twilio sends 50 messages a second as long as there is a call. `due_at` is looked at again, not moved by each."""

    def __init__(self) -> None:
        self.due_at: float | None = None
        self._came_at = 0.0

    def came(self, now: float) -> None:
        self._came_at = now
        if self.due_at is None:
            self.due_at = now + NO_MEDIA

    def is_lost(self, now: float) -> bool:
        if self.due_at is None or now < self.due_at:
            return False
        self.due_at = self._came_at + NO_MEDIA
        return now >= self.due_at


class Limit:
    """How long a call may last: `warn_at`, then `end_at`; None once it was done."""

    def __init__(self, seconds: float) -> None:
        self.warn_at: float | None = None
        self.end_at: float | None = None
        self._seconds = seconds

    def begin(self, now: float) -> None:
        self.end_at = now + self._seconds
        self.warn_at = self.end_at - min(WARN_BEFORE, self._seconds / 2)

    def take_warning(self, now: float) -> bool:
        is_due = self.warn_at is not None and now >= self.warn_at
        if is_due:
            self.warn_at = None
        return is_due

    def take_end(self, now: float) -> bool:
        is_due = self.end_at is not None and now >= self.end_at
        if is_due:
            self.end_at = None
        return is_due

    def put_off(self, now: float) -> None:
        """Somebody is leaving as it is; should they stay after all, it ends a little later."""
        self.end_at = now + PUT_OFF
