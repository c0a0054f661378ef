"""The first page of the admin: what cannot wait in red, what waits for a person, and the lists by what they are for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from calls.admin import display, doctor, reaching
from calls.doctor import history
from calls.doctor.findings import Finding, counted, troubles
from calls.models import Call, Callback, Emergency, KnownAnswer, Message, OutgoingEmail, OutgoingMessage
from calls.models.call import OF_THE_DOCTOR

GROUPS = {
    "Every day": ["Call", "Emergency", "Booking", "Callback", "Message", "Quote", "Customer"],
    "What Cortana knows": ["Service", "ServiceArea", "KnownAnswer", "Technician", "Skill"],
    "Sent": ["OutgoingEmail", "OutgoingMessage"],
    "Setting up": ["Business", "Agent", "PhoneLine", "ListedNumber", "Price", "Server", "DoctorRun"],
}
MOST_ALARMS = 5
MOST_TROUBLES = 3
OLD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: how many, and the list that shows them."""

    text: str
    count: int
    url: str
    tone: str


@dataclass(frozen=True, slots=True)
class LineHealth:
    """What the doctor found last. `badge` and what follows are blank when it was never asked."""

    text: str
    badge: str = ""
    at: str = ""
    url: str = ""
    is_old: bool = False
    troubles: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    text: str
    beside: str
    at: str
    url: str


def alarms(request: HttpRequest) -> list[Alarm]:
    """Emergencies that nobody has accepted; the newest first."""
    if not request.user.has_perm("calls.view_emergency"):
        return []
    whole = display.sees_whole_numbers(request)
    owed = Emergency.objects.filter(status__in=[Emergency.Status.OPEN, Emergency.Status.UNANSWERED])
    return [
        Alarm(
            text=reaching.in_words(row.kind),
            beside=", ".join(part for part in (row.address, display.show_number(row.number, whole=whole)) if part),
            at=f"{display.show_moment(row.raised_at)}: {row.get_status_display().lower()}",
            url=reverse("admin:calls_emergency_change", args=[row.pk]),
        )
        for row in owed[:MOST_ALARMS]
    ]


def needs(request: HttpRequest) -> list[Need]:
    """What waits for a person, of what this one may see; nothing that counts zero."""
    found = [
        _need(request, "Calls to review", Call, Q(needs_review=True) & ~OF_THE_DOCTOR, "bad", needs_review__exact=1),
        _need(request, "Callbacks given up", Callback, Q(status="failed"), "bad", status__exact="failed"),
        _need(request, "E-mails not delivered", OutgoingEmail, Q(status="failed"), "bad", status__exact="failed"),
        _need(request, "Texts not delivered", OutgoingMessage, Q(status="failed"), "bad", status__exact="failed"),
        _need(request, "Messages to answer", Message, Q(is_done=False), "warm", is_done__exact=0),
        _need(request, "Questions to answer", KnownAnswer, Q(answer=""), "warm", open="yes"),
    ]
    return [need for need in found if need and need.count]


def line_health(request: HttpRequest) -> LineHealth | None:
    """None for those who may not see it."""
    if not request.user.has_perm("calls.view_doctorrun"):
        return None
    health = history.health()
    if health is None:
        return LineHealth("Nobody has looked yet whether a call would get through.")
    return LineHealth(
        text=f"{counted(health.findings)}.",
        badge=doctor.badge_of(health.result),
        at=display.show_moment(health.run.began_at),
        url=reverse("admin:calls_doctorrun_change", args=[health.run.pk]),
        is_old=timezone.now() - health.run.began_at > OLD,
        troubles=troubles(health.findings)[:MOST_TROUBLES],
    )


def grouped(app_list: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lists of the receptionist by what they are for, each group as if it were an app; then the other apps."""
    groups = []
    for app in [app for app in app_list if app["app_label"] == "calls"]:
        by_name = {model["object_name"]: model for model in app["models"]}
        for title, names in GROUPS.items():
            models = [by_name[name] for name in names if name in by_name]
            if models:
                groups.append(app | {"name": title, "models": models, "app_url": models[0]["admin_url"]})
    return [*groups, *(app for app in app_list if app["app_label"] != "calls")]


def _need(request: HttpRequest, text: str, model: Any, condition: Q, tone: str, **query: Any) -> Need | None:
    name = model._meta.model_name
    if not request.user.has_perm(f"calls.view_{name}"):
        return None
    count = model.objects.filter(condition).count()
    return Need(text, count, f"{reverse(f'admin:calls_{name}_changelist')}?{urlencode(query)}", tone)
