"""The health of the line: what the doctor found and when, and a button to look again."""

from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import path
from django.utils.html import format_html

from calls.admin import display
from calls.admin.records import TradeMixin
from calls.doctor import history
from calls.doctor.findings import FAIL, Finding
from calls.doctor.site import Site
from calls.models import DoctorRun
from calls.views import diagnostics

TONES = {DoctorRun.Result.WELL: "good", DoctorRun.Result.WARNINGS: "warm", DoctorRun.Result.FAILURES: "bad"}


def badge_of(result: int):
    return display.badge(DoctorRun.Result(result).label, TONES[DoctorRun.Result(result)])


@admin.register(DoctorRun)
class DoctorRunAdmin(TradeMixin, admin.ModelAdmin):
    list_display = ["began", "state", "seen", "looked_at", "seconds"]
    list_display_links = ["began"]
    list_filter = ["result", "source"]
    harmless_lookups = frozenset({"result", "source"})
    change_list_template = "admin/calls/doctorrun/change_list.html"
    change_form_template = "admin/calls/doctorrun/change_form.html"
    actions = None

    def get_urls(self):
        look = path("look/", self.admin_site.admin_view(self.look_view), name="calls_doctorrun_look")
        return [look, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: DoctorRun | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DoctorRun | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).defer("findings")

    def look_view(self, request: HttpRequest) -> HttpResponse:
        """Look at everything now; the page of what was found. No field of the form decides what is asked."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if wait := diagnostics.allowance.take():
            messages.warning(request, f"A diagnosis is running, or there were too many. Try again in {wait} s.")
            return redirect("admin:calls_doctorrun_changelist")
        findings, run_id = async_to_sync(_look)()
        if run_id is None:
            trouble = next((one for one in findings if one.level is FAIL), None)
            messages.error(request, f"Not kept. {trouble.seen} {trouble.remedy}" if trouble else "Not kept: try again.")
            return redirect("admin:calls_doctorrun_changelist")
        return redirect("admin:calls_doctorrun_change", run_id)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add=False, change=False, form_url="", obj=None
    ):
        if obj is not None:
            findings = history.findings_of(obj)
            context |= {
                "title": f"Diagnosis of {display.show_moment(obj.began_at)}",
                "subtitle": None,
                "run": obj,
                "run_badge": badge_of(obj.result),
                "findings": findings,
                "took": display.show_milliseconds(obj.took_ms),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description="looked", ordering="began_at")
    def began(self, run):
        return display.show_moment(run.began_at)

    @admin.display(description="result", ordering="result")
    def state(self, run):
        return badge_of(run.result)

    @admin.display(description="found")
    def seen(self, run):
        return format_html('<span class="words">{}</span>', run.summary)

    @admin.display(description="by", ordering="source")
    def looked_at(self, run):
        part = "everything" if run.is_complete else "a part"
        return format_html('{}<span class="beside">{}</span>', run.get_source_display(), part)

    @admin.display(description="took", ordering="took_ms")
    def seconds(self, run):
        return display.show_milliseconds(run.took_ms)


async def _look() -> tuple[list[Finding], int | None]:
    async with diagnostics.allowance.running:
        site = Site.from_settings(settings, serving=True)
        return await history.examine(site, None, source=DoctorRun.Source.ADMIN)
