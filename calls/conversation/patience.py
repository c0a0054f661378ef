"""How long a caller may wait: after a while a short clip, in the end somebody else.

The agent owes a sound from the stream's start, from the end of the caller's speech and while a tool runs, until it
speaks. A clip of ours fills the wait and pays nothing off.
"""

FIRST_FILLER = 1.5
REPLY_FILLER = 1.8
TOOL_FILLER = 1.5
NEXT_FILLER = 2.5  # after the end of the last one
FIRST_LIMIT = 8.0
REPLY_LIMIT = 9.5  # somebody else has to be heard within 10 s
ASK_AGAIN = 5.0
"""Seconds after which an answer that has not begun is asked for once more."""
AFTER_GREETING = 3.0
"""Seconds after a greeting of ours that OpenAI still has, where the greeting took most of the first limit."""
LONGEST_WAIT = 30.0
"""However often tools renew the limit, a caller never waits longer than this for the agent's voice."""


class Patience:
    """`filler_at` and `give_up_at` are moments, None while the agent owes nothing."""

    def __init__(self) -> None:
        self.has_filled = False
        """Whether a clip was played since the agent last spoke."""
        self.owed_since: float | None = None
        self.filler_at: float | None = None
        self.give_up_at: float | None = None
        self.ask_again_at: float | None = None
        self._has_asked_again = False
        self._is_rest = False

    def owe_first(self, now: float) -> None:
        """The stream has started."""
        self._owe(now, FIRST_FILLER, FIRST_LIMIT)

    def greet(self, ends_at: float) -> None:
        """A greeting of ours plays until `ends_at`: only then does the silence begin."""
        self.filler_at = ends_at + FIRST_FILLER
        self.give_up_at = max(self.give_up_at or 0.0, ends_at + AFTER_GREETING)

    def allow(self, now: float) -> None:
        """OpenAI is ready late: it is given the time to say its first word."""
        self.give_up_at = max(self.give_up_at or 0.0, now + AFTER_GREETING)

    def owe_reply(self, since: float) -> None:
        """The caller has finished, or something else wants an answer."""
        self._owe(since, REPLY_FILLER, REPLY_LIMIT)
        self._expect_by(since + ASK_AGAIN)

    def owe_rest(self, since: float) -> None:
        """A response is asked for or under way: more of it is owed `since` all that came of it so far was heard."""
        if self.owed_since is None:
            self.owe_reply(since)
            self._is_rest = True

    def rest_came(self) -> None:
        """No response is asked for or under way any more."""
        if self._is_rest:
            self.settle()

    def await_tool(self, now: float) -> None:
        """A tool begins to run."""
        self.renew(now)
        self.ask_again_at = None
        if self.filler_at is not None:
            self.filler_at = min(self.filler_at, now + TOOL_FILLER)

    def renew(self, now: float) -> None:
        """There was progress that the caller cannot hear, such as a tool's answer."""
        self._is_rest = False
        if self.owed_since is None:
            self.owe_reply(now)
        else:
            self.give_up_at = min(now + REPLY_LIMIT, self.owed_since + LONGEST_WAIT)
            self._expect_by(now + ASK_AGAIN)

    def shows_life(self, now: float) -> None:
        """The answer is on its way, though nothing of it can be heard yet."""
        if self.ask_again_at is not None:
            self.ask_again_at = now + ASK_AGAIN

    def takes_asking_again(self, now: float) -> bool:
        """Whether it is time to ask once more; never twice for the same answer."""
        if self.ask_again_at is None or now < self.ask_again_at:
            return False
        self.ask_again_at, self._has_asked_again = None, True
        return True

    def resume(self, now: float) -> None:
        """The session is lost: whoever waits, for an answer or not, hears something until there is another."""
        self.owed_since = now if self.owed_since is None else self.owed_since
        self.filler_at = min(self.filler_at or now + FIRST_FILLER, now + FIRST_FILLER)
        self.give_up_at = now + FIRST_LIMIT
        self.ask_again_at = None

    def exhausted_after(self, now: float) -> float | None:
        """How many seconds the caller has waited when that is too long; None while it is not."""
        if self.give_up_at is None or self.owed_since is None or now < self.give_up_at:
            return None
        return now - self.owed_since

    def settle(self) -> None:
        """The agent speaks, or it is the caller's turn."""
        self.owed_since = self.filler_at = self.give_up_at = self.ask_again_at = None
        self.has_filled = self._has_asked_again = self._is_rest = False

    def filled(self, ends_at: float) -> None:
        """A clip plays until `ends_at`."""
        self.filler_at = ends_at + NEXT_FILLER
        self.has_filled = True

    def postpone(self, ends_at: float) -> None:
        """The agent's last words play until `ends_at`: only then does the silence begin."""
        self.filler_at = ends_at + REPLY_FILLER

    def _expect_by(self, moment: float) -> None:
        self.ask_again_at = None if self._has_asked_again else moment

    def _owe(self, since: float, filler: float, limit: float) -> None:
        self._is_rest = False
        self.owed_since = since
        self.filler_at = since + filler
        self.give_up_at = since + limit
