"""What a Realtime server can do wrong, on demand.

One Faults belongs to a server and may be changed while it runs; counters are used up across connections. What belongs
to one response stands in the scenario instead (scenario.FAULTS).
"""

from dataclasses import dataclass

SESSION_MS = 60 * 60 * 1000


@dataclass(slots=True)
class Faults:
    # Before there is a session.
    upgrade_ms: int = 0  # the 101 comes late
    upgrade_status: int | None = None  # an HTTP status instead of the 101
    created_ms: int = 0  # session.created comes late
    never_created: bool = False  # the socket opens and stays mute
    close_on_open: int | None = None  # closed with this code right after session.created
    error_on_open: str | None = None  # an error with this code instead of session.created, and then nothing
    most_sessions: int | None = None  # so many connections in all; those after them get HTTP 503
    # The configuration.
    updated_ms: int = 0  # session.updated comes late
    never_updated: bool = False  # session.update is taken and never answered
    reject_updates: int = 0  # the next N updates are refused
    reject_names_event: bool = True  # whether those errors carry the client's event_id
    wrong_echo: bool = False  # session.updated tells of PCM, whatever was asked for
    # Responses.
    response_created_ms: int = 0
    first_delta_ms: int = 0  # on top of think_ms
    never_respond: bool = False  # accepts everything and never speaks
    response_error: str | None = None  # each response.done fails with this code, such as insufficient_quota
    linear_deltas: bool = False  # audio is 24 kHz PCM whatever the session says
    late_deltas: int = 0  # pieces of audio still sent after speech_started
    done_without_created: bool = False
    duplicate_done: bool = False
    rate_limits_first: bool = False  # rate_limits.updated right after response.created
    transcription_fails: bool = False
    # The wire.
    malformed_json: bool = False  # a broken frame before each response
    unknown_events: bool = False  # an event of an unknown type before each response
    extra_keys: bool = False  # each event carries members that no document names
    padding: int = 0  # so many bytes more in each delta of audio
    deaf: bool = False  # reads nothing after session.created
    session_ms: int | None = None  # the session expires after this time instead of 60 minutes

    @property
    def lifetime_ms(self) -> int:
        return SESSION_MS if self.session_ms is None else self.session_ms
