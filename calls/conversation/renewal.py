"""When a session is replaced: how often after a loss, and at which moment before OpenAI ends it by itself."""

MARGIN = 300.0
"""Seconds before its end at which a session is renewed, so that a pause can be waited for."""
SESSION = 3600.0
IMPLAUSIBLE = 20.0
"""A session that seems to end so soon after its beginning ends in an hour: the clock of this machine is wrong."""
PAUSE = 1.0
LOOK_AGAIN = 0.5
TRY_AGAIN = 60.0
WINDOW = 60.0
RESUMES_IN_WINDOW = 2
RESUMES_IN_CALL = 5


class Resumes:
    """Lost sessions of one call that may be followed by another: a line that keeps breaking is given up."""

    def __init__(self) -> None:
        self.count = 0
        self._at: list[float] = []

    def take(self, now: float) -> bool:
        recent = [at for at in self._at if now - at < WINDOW]
        if len(recent) >= RESUMES_IN_WINDOW or len(self._at) >= RESUMES_IN_CALL:
            return False
        self._at.append(now)
        return True


class Renewal:
    """`look_at` is when to see whether it is time, None while it is not near."""

    def __init__(self) -> None:
        self.look_at: float | None = None
        self.is_prepared = False
        self._quiet_since: float | None = None

    def begin(self, now: float, *, lasts: float) -> None:
        """A session has begun that OpenAI ends after `lasts` seconds."""
        self.stop()
        lasts = min(lasts, SESSION) if lasts > IMPLAUSIBLE else SESSION
        self.look_at = now + lasts - min(MARGIN, lasts / 2)

    def stop(self) -> None:
        """There is no session to renew."""
        self.look_at, self.is_prepared, self._quiet_since = None, False, None

    def look(self, now: float, *, is_quiet: bool) -> bool:
        """To be called at `look_at`: whether nobody has spoken or worked for a while."""
        if not is_quiet:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        self.look_at = now + LOOK_AGAIN
        return self._quiet_since is not None and now - self._quiet_since >= PAUSE

    def preparing(self) -> None:
        """A second line is being opened."""
        self.look_at = None

    def prepared(self, now: float) -> None:
        self.is_prepared, self.look_at = True, now

    def failed(self, now: float) -> None:
        self.look_at = now + TRY_AGAIN
