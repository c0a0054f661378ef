"""The Media Stream of a call: who may open it, and how it ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from calls.domain import costs, greetings, history, servers, tokens
from calls.domain.persona import Persona, persona_for
from calls.models import Agent, Call, Stream

OVER = {
    Call.EndReason.CALLER_HANGUP,
    Call.EndReason.AGENT_HANGUP,
    Call.EndReason.SILENCE,
}
"""Reasons after which nobody waits for a person any more; after all others the call is handed over."""


REFUSED = "stream_refused"
NOT_ADMITTED = "stream_not_admitted"


class StreamRefused(Exception):
    """The stream is not authentic; says why, without any secret."""


@dataclass(frozen=True, slots=True)
class AdmittedStream:
    call_id: int
    call_sid: str
    stream_sid: str
    rang_at: datetime
    persona: Persona
    agent_id: int
    model: str
    realtime_host: str = ""
    emergency_number: str = "911"
    kept_greeting: bytes = b""
    """The greeting as sound (8 kHz mu-law); empty when the model has to say it."""
    past: tuple[history.Entry, ...] = ()
    """What was said and done in the streams that this call had before."""


def admit_stream(
    *,
    call_sid: str,
    account_sid: str,
    stream_sid: str,
    token: str,
    secret_key: str,
    is_token_required: bool,
    now: datetime,
    default_model: str = "",
    realtime_host: str = "",
    instance: str = "",
) -> AdmittedStream:
    """Let a stream in, once. Raises StreamRefused for an unknown call and a wrong, used, expired or foreign token.

    `default_model` speaks for agents that name none; `realtime_host` is who speaks for OpenAI; `instance` is the
    server that asks.
    """
    call = Call.objects.select_related("business", "agent").filter(call_sid=call_sid).first()
    if call is None:
        raise StreamRefused("unknown call")
    if account_sid and call.account_sid and account_sid != call.account_sid:
        raise StreamRefused("another account's call")
    if call.agent is None or call.business is None:
        raise StreamRefused("no agent for this call")
    if token or is_token_required:
        _check_token(call, token, secret_key=secret_key, now=now)
    with transaction.atomic():
        # The conditional update settles a race: of two streams with the same token one is admitted.
        free = Call.objects.filter(pk=call.pk, status=Call.Status.RINGING, token_used_at=None)
        carried = {"status": Call.Status.STREAMING, "server_id": servers.id_of(instance)}
        if not free.update(**carried, token_used_at=now, streaming_at=now):
            raise StreamRefused("token already used")
        is_first = not call.streams.exists()
        Stream.objects.create(call=call, stream_sid=stream_sid, started_at=now)
    persona = persona_for(call=call, now=now)
    model = persona.model or default_model
    return AdmittedStream(
        call_id=call.pk,
        call_sid=call.call_sid,
        stream_sid=stream_sid,
        rang_at=call.rang_at,
        persona=persona,
        agent_id=call.agent.pk,
        model=model,
        emergency_number=call.business.emergency_number,
        realtime_host=realtime_host,
        kept_greeting=_kept_greeting(call.agent, persona, model=model, host=realtime_host),
        past=() if is_first else history.read(call_id=call.pk),
    )


def _kept_greeting(agent: Agent, persona: Persona, *, model: str, host: str) -> bytes:
    if not persona.has_standing_greeting:
        return b""
    return greetings.sound_for(agent_id=agent.pk, text=persona.greeting, voice=persona.voice, model=model, host=host)


def _check_token(call: Call, token: str, *, secret_key: str, now: datetime) -> None:
    if not call.token_nonce or call.token_issued_at is None:
        raise StreamRefused("no token was issued for this call")
    if not tokens.matches(secret_key=secret_key, call_sid=call.call_sid, nonce=call.token_nonce, token=token):
        raise StreamRefused("wrong token")
    if now - call.token_issued_at > timedelta(seconds=tokens.TOKEN_SECONDS):
        raise StreamRefused("expired token")


def is_open(*, call_sid: str) -> bool:
    """Whether a stream of the call goes on."""
    return Stream.objects.filter(call__call_sid=call_sid, ended_at=None).exists()


def goes_on(*, call_sid: str) -> bool:
    """Whether a stream of the call goes on, or another one was announced and has not come yet."""
    is_announced = Call.objects.filter(call_sid=call_sid, status=Call.Status.RINGING).exists()
    return is_announced or is_open(call_sid=call_sid)


def note_refusal(*, call_sid: str, why: str, now: datetime) -> None:
    """Say on the call, if there is one, why a stream was refused: nobody else knows why it was silent."""
    call = Call.objects.filter(call_sid=call_sid).first()
    if call is not None and call.status != Call.Status.ENDED:
        _note(call, REFUSED, now, why=why)


def note_not_admitted(*, call_sid: str, because: str, now: datetime) -> None:
    """Say on the call, if there is one, that its stream could not be let in at `now`: `because` of an error of ours."""
    if call := Call.objects.filter(call_sid=call_sid).first():
        _note(call, NOT_ADMITTED, now, because=because)


def _note(call: Call, kind: str, now: datetime, **detail: str) -> None:
    at_ms = round((now - call.rang_at).total_seconds() * 1000)
    history.record_event(call_id=call.pk, kind=kind, at_ms=at_ms, detail=detail)


@transaction.atomic
def finish_stream(*, call_id: int, stream_sid: str, reason: str, now: datetime, first_audio_ms: int | None) -> None:
    """Write how the stream ended. The first reason stands; what Twilio says of the call later only completes it.

    Where the database was slow, Twilio has asked what follows before this, and the reason was guessed.
    """
    was_open = Stream.objects.filter(call_id=call_id, stream_sid=stream_sid, ended_at=None).update(ended_at=now)
    if was_open and reason not in OVER:
        guessed = Call.objects.filter(pk=call_id, end_reason=Call.EndReason.STREAM_LOST)
        guessed.exclude(handed_over_at=None).update(end_reason=reason)
    if first_audio_ms is not None:
        Call.objects.filter(pk=call_id, first_audio_ms=None).update(first_audio_ms=first_audio_ms)
    live = Call.objects.filter(pk=call_id, end_reason="", status=Call.Status.STREAMING)
    if reason in OVER:
        live.update(end_reason=reason, status=Call.Status.ENDED, ended_at=now)
    else:
        live.update(end_reason=reason, status=Call.Status.HANDED_OVER, handed_over_at=now)


def settle_stream(
    *,
    call_id: int,
    realtime_session_id: str,
    model: str,
    input_tokens: int,
    cached_tokens: int,
    output_tokens: int,
    input_audio_tokens: int = 0,
    cached_audio_tokens: int = 0,
    output_audio_tokens: int = 0,
    audio_file: str = "",
) -> None:
    """Add what the stream has used of OpenAI, and where its recording lies, when all is closed.

    All of it or nothing, and each session once: it is repeated when the database did not answer.
    """
    session_id = realtime_session_id[:64]
    with transaction.atomic():
        if audio_file:
            Call.objects.filter(pk=call_id).update(audio_file=audio_file)
        unsettled = Call.objects.filter(pk=call_id)
        (unsettled.exclude(realtime_session_id=session_id) if session_id else unsettled).update(
            realtime_session_id=session_id,
            model=model,
            input_tokens=F("input_tokens") + input_tokens,
            cached_tokens=F("cached_tokens") + cached_tokens,
            output_tokens=F("output_tokens") + output_tokens,
            input_audio_tokens=F("input_audio_tokens") + input_audio_tokens,
            cached_audio_tokens=F("cached_audio_tokens") + cached_audio_tokens,
            output_audio_tokens=F("output_audio_tokens") + output_audio_tokens,
        )
        costs.settle_cost(call_id=call_id)
