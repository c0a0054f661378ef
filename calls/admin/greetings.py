"""The kept greeting on the page of its agent: whether it is played, how it sounds, and the button that removes it."""

import io
import wave
from dataclasses import dataclass
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone

from calls.admin import display, recordings
from calls.audio import BYTES_PER_MS, MULAW_TO_LINEAR
from calls.domain import greetings, persona
from calls.models import Agent, KeptGreeting

AS_PCM = [sample.to_bytes(2, "little", signed=True) for sample in MULAW_TO_LINEAR]


@dataclass(frozen=True, slots=True)
class Shown:
    """`stale` names what has changed since the greeting was recorded; empty when it is played."""

    kept: KeptGreeting
    stale: str
    made: str

    @property
    def badge(self) -> str:
        return display.badge("Not played", "warm") if self.stale else display.badge("Played at once", "good")

    @property
    def length(self) -> str:
        return display.show_milliseconds(self.kept.ms)


def shown_of(agent: Agent) -> Shown | None:
    """The greeting of `agent` for its page, without the sound; None when none is kept."""
    kept = KeptGreeting.objects.filter(agent=agent).defer("sound").first()
    if kept is None:
        return None
    now = {
        "words": persona.greeting_of(agent),
        "voice": agent.voice,
        "model": agent.model or settings.OPENAI_REALTIME_MODEL,
    }
    then = {"words": kept.text, "voice": kept.voice, "model": kept.model}
    changed = [name for name in now if now[name] != then[name]]
    if not changed and kept.digest != _digest_now(kept):
        changed = ["address of OpenAI"]
    with timezone.override(ZoneInfo(agent.business.time_zone)):
        made = display.show_moment(kept.made_at)
    return Shown(kept, stale=" and ".join(changed), made=made)


def _digest_now(kept: KeptGreeting) -> str:
    host = urlsplit(settings.OPENAI_REALTIME_URL).hostname or ""
    return greetings.digest_of(text=kept.text, voice=kept.voice, model=kept.model, host=host)


def wav_of(sound: bytes) -> bytes:
    """What every browser plays: 16-bit PCM."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(BYTES_PER_MS * 1000)
        file.writeframes(b"".join(AS_PCM[code] for code in sound))
    return data.getvalue()


class KeptGreetingMixin:
    """For the admin of agents."""

    def get_urls(self):
        protect = self.admin_site.admin_view
        return [
            path("<path:object_id>/greeting/", protect(self.greeting_view), name="calls_agent_greeting"),
            path("<path:object_id>/greeting/remove/", protect(self.remove_view), name="calls_agent_remove_greeting"),
            *super().get_urls(),
        ]

    def greeting_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The sound, for a player."""
        agent = self._agent(request, object_id)
        if not self.has_view_permission(request, agent):
            raise PermissionDenied
        kept = KeptGreeting.objects.filter(agent=agent).first()
        if kept is None:
            raise Http404
        return recordings.answer_with(request, wav_of(bytes(kept.sound)))

    def remove_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        agent = self._agent(request, object_id)
        if not self.has_change_permission(request, agent):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if greetings.remove(agent_id=agent.pk):
            self.log_change(request, agent, "Kept greeting removed")
            messages.success(request, "The kept greeting is removed. The next call records a new one.")
        return redirect(reverse("admin:calls_agent_change", args=[agent.pk]))

    def render_change_form(
        self, request: HttpRequest, context, add=False, change=False, form_url="", obj: Agent | None = None
    ):
        if obj is not None:
            context["kept_greeting"] = shown_of(obj)
            context["can_remove_greeting"] = self.has_change_permission(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _agent(self: admin.ModelAdmin, request: HttpRequest, object_id: str) -> Agent:
        agent = self.get_object(request, unquote(object_id))
        if agent is None:
            raise Http404
        return agent
