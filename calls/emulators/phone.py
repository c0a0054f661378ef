"""The telephone: Twilio and the caller in one, written from Twilio's documents and captured traffic.

    phone = Phone(base_url="http://127.0.0.1:8000", public_url="https://cortana.example.com", auth_token="…")
    result = await phone.call(scenario.find("demo"))

It posts signed webhooks, obeys the TwiML, opens the Media Stream, speaks, plays, echoes marks, and measures what
the caller heard. Whatever Twilio would put into the account's error log stands in `protocol_violations`.
"""

import asyncio
from dataclasses import dataclass, field, replace

from calls.emulators.phone_call import Call
from calls.emulators.phone_http import TOTAL_SECONDS, Road, Signer
from calls.emulators.phone_leg import Number, Setup
from calls.emulators.phone_line import Event
from calls.emulators.phone_options import SURELY_FINISHED_MS, Callee, Faults, Gap, Voicemail
from calls.emulators.phone_result import CallResult
from calls.emulators.scenario import Scenario

__all__ = ["CallResult", "Callee", "Faults", "Gap", "Number", "Phone", "Voicemail"]


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A telephone with somebody at it; `public_url` is signed and accepted, `base_url` is connected to."""

    base_url: str
    public_url: str = ""  # blank: the same as base_url
    auth_token: str
    account_sid: str = "AC" + "0" * 32
    shared_key: tuple[str, str] | None = None  # id and secret; signs with SHA256 instead of the token
    number: Number = field(default_factory=Number)
    rate: float = 1.0
    faults: Faults = field(default_factory=Faults)
    callee: Callee = field(default_factory=Callee)
    callee_calls_back: bool = False
    voicemail: Voicemail = field(default_factory=Voicemail)
    webhook_seconds: float = TOTAL_SECONDS  # never scaled: the server's work is not faster when calls are
    patience_ms: int = 30_000  # how long the caller bears silence when nothing is left to do
    surely_finished_ms: int = SURELY_FINISHED_MS  # how long he bears it while the script announces more
    scripted: bool = True  # False: a real model answers, the script's own lengths mean nothing
    on_event: Event | None = None

    async def call(self, scenario: Scenario, *, call_sid: str = "") -> CallResult:
        """Ring, follow the scenario to the end of the call; raises nothing for what the server does."""
        async with asyncio.TaskGroup() as group:
            call = Call(self._setup(), group, scenario, rate=self.rate, on_event=self.on_event, call_sid=call_sid)
            return await call.run()

    def _setup(self) -> Setup:
        base_url = self.base_url.rstrip("/")
        return Setup(
            road=Road(base_url, (self.public_url or base_url).rstrip("/")),
            signer=Signer(self.auth_token, self.shared_key),
            account_sid=self.account_sid,
            number=self.number,
            faults=self.faults,
            callee=replace(self.callee, calls_back=self.callee.calls_back or self.callee_calls_back),
            voicemail=self.voicemail,
            webhook_seconds=self.webhook_seconds,
            patience_ms=self.patience_ms,
            scripted=self.scripted,
            surely_finished_ms=self.surely_finished_ms,
        )
