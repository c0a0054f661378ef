"""One response at a time: OpenAI refuses a second one while the first is being made.

idle → requested → active → idle. Responses that OpenAI starts by itself, when the caller has finished, go the same way.
"""

from collections import deque

from calls.realtime import wire

ALREADY_ACTIVE = "conversation_already_has_active_response"
RETRY_AFTER = 1.0
"""Seconds to wait for the end of a response that stood in the way and was never seen."""
EXPECTED = "of the caller's turn"
EXPECTED_WITHIN = 1.5


class ResponseGate:
    def __init__(self) -> None:
        self.active = ""
        self.retry_at: float | None = None
        self._requested = ""
        self._last: wire.CreateResponse | None = None
        self._is_wanted = False
        self._count = 0
        self._over: deque[str] = deque(maxlen=8)

    @property
    def is_idle(self) -> bool:
        return not (self.active or self._requested or self._is_wanted)

    def ask(self, instructions: str = "") -> list[wire.CreateResponse]:
        """Ask for a response, now or as soon as the running one is over; several wishes become one response."""
        if self.active or self._requested:
            self._is_wanted = True
            return []
        self._count += 1
        self._is_wanted = False
        self.retry_at = None
        self._last = wire.CreateResponse(f"response-{self._count}", instructions)
        self._requested = self._last.event_id
        return [self._last]

    def ask_again(self) -> list[wire.CancelResponse | wire.CreateResponse]:
        """Nothing has come of what was asked for: ask anew, behind a running response once that is cancelled."""
        if self.active:
            self._is_wanted = True
            return [wire.CancelResponse(self.active)]
        self._requested = ""
        return [*self.ask()]

    def expect(self, now: float) -> None:
        """The caller has finished: OpenAI is about to start a response by itself."""
        self._requested = EXPECTED
        self.retry_at = now + EXPECTED_WITHIN

    def created(self, response_id: str, *, knows_all: bool) -> None:
        """A response has begun. One that `knows_all` that was told before it answers whatever is wished for."""
        self.active, self._requested = response_id, ""
        self.retry_at = None
        if knows_all:
            self._is_wanted = False

    def done(self, response_id: str) -> list[wire.CreateResponse]:
        if response_id == self.active:
            self.active = ""
        elif response_id not in self._over:
            self._requested = ""  # it was seen that a response ends whose beginning was never told
        self._over.append(response_id)
        return self.ask() if self._is_wanted and self.retry_at is None else []

    def forget(self) -> None:
        """The session is lost, and with it every response and every wish."""
        self.active = self._requested = ""
        self.retry_at, self._last, self._is_wanted = None, None, False

    def ask_later(self, now: float) -> None:
        """Ask again after a short wait: what has just failed, or was refused for its number, would fail again."""
        self._is_wanted = True
        self.retry_at = now + RETRY_AFTER

    def yield_turn(self) -> None:
        """The caller speaks: whatever is still wished for is answered with the response to that turn."""
        self._is_wanted, self.retry_at = False, None

    def refused(self, error: wire.ErrorEvent, now: float) -> list[wire.CreateResponse] | None:
        """What to do about a refused wish; None when the error is not about one."""
        mine = self._last is not None and error.event_id == self._last.event_id
        if not mine and (error.event_id or error.code != ALREADY_ACTIVE):
            return None
        self._requested = ""
        # A greeting that came too late is not made up for: the response in its way answers the caller.
        if error.code != ALREADY_ACTIVE or (self._last and self._last.instructions):
            return []
        self._is_wanted = True
        if self.active:
            return []
        if any(response_id in error.message for response_id in self._over):
            return self.ask()
        self.retry_at = now + RETRY_AFTER
        return []

    def retry(self, now: float) -> list[wire.CreateResponse]:
        """To be called at `retry_at`."""
        if self.retry_at is None or now < self.retry_at:
            return []
        self.retry_at = None
        if self._requested == EXPECTED:
            self._requested = ""
        return self.ask() if self._is_wanted else []
