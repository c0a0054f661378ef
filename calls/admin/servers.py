"""The processes that carry calls: read only, they write of themselves."""

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone

from calls.admin import display
from calls.admin.local_time import LocalTimeMixin
from calls.domain import servers
from calls.models import Call, Server


@admin.register(Server)
class ServerAdmin(LocalTimeMixin, admin.ModelAdmin):
    list_display = ["host", "pid", "state", "calls_now", "version", "began", "last_sign", "over"]
    list_display_links = None
    list_filter = ["ending"]
    list_per_page = 50
    show_full_result_count = False

    class Media:
        css = {"all": ["calls/admin.css", "calls/trade.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Server]:
        streaming = Call.objects.filter(server=OuterRef("pk"), status=Call.Status.STREAMING).order_by()
        now = streaming.values("server").annotate(number=Count("pk")).values("number")
        return super().get_queryset(request).annotate(now=Coalesce(Subquery(now), 0))

    def get_changelist_instance(self, request: HttpRequest):
        changelist = super().get_changelist_instance(request)
        changelist.title = "Servers"
        return changelist

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Server | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Server | None = None) -> bool:
        return False

    @admin.display(description="state")
    def state(self, row: Server) -> str:
        if row.ending:
            tone = "calm" if row.ending == Server.Ending.STOPPED else "bad"
            return display.badge(row.get_ending_display(), tone)
        if servers.is_silent(row, now=timezone.now()):
            return display.badge("Silent", "warm")
        return display.badge("Alive", "good")

    @admin.display(description="calls now", ordering="now")
    def calls_now(self, row: Server) -> int:
        return row.now

    @admin.display(description="started", ordering="started_at")
    def began(self, row: Server) -> str:
        return display.show_moment(row.started_at)

    @admin.display(description="last sign of life", ordering="heartbeat_at")
    def last_sign(self, row: Server) -> str:
        is_old = row.ended_at or servers.is_silent(row, now=timezone.now())
        return display.show_moment(row.heartbeat_at) if is_old else display.show_second(row.heartbeat_at)

    @admin.display(description="ended", ordering="ended_at")
    def over(self, row: Server) -> str:
        return display.show_moment(row.ended_at) if row.ended_at else "–"
