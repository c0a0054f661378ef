"""A telephone for tests: writes down whom it was told to ring, and does as it is told."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Listed:
    call_sid: str
    created_at: datetime | None
    status: str = "queued"


@dataclass
class Telephone:
    """`does` are the answers in their order: an exception is raised, True places the call; then all are placed."""

    does: list = field(default_factory=list)
    rung: list = field(default_factory=list)
    listed: list = field(default_factory=list)
    statuses: dict = field(default_factory=dict)
    looked_up: list = field(default_factory=list)
    ended: list = field(default_factory=list)
    can_end: bool = True

    def ring_alert(self, *, alert_id, number, shown):
        return self._ring("alert", alert_id, number, shown)

    def ring_callback(self, *, attempt_id, number, shown):
        return self._ring("callback", attempt_id, number, shown)

    def calls_to(self, *, number, shown):
        self.looked_up.append(number)
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed

    def status_of(self, *, call_sid):
        status = self.statuses.get(call_sid, "completed")
        if isinstance(status, Exception):
            raise status
        return status

    def end_ring(self, *, call_sid, words):
        self.ended.append(call_sid)
        return self.can_end

    @property
    def numbers(self):
        return [number for _, _, number, _ in self.rung]

    def _ring(self, kind, pk, number, shown):
        answer = self.does.pop(0) if self.does else True
        if isinstance(answer, Exception):
            raise answer
        self.rung.append((kind, pk, number, shown))
        return f"CA{len(self.rung):032}"
