"""What the first page of the admin shows beside Django's own."""

from typing import Any

from django import template
from django.http import HttpRequest

from calls.admin import overview
from calls.admin.local_time import common_zone, shown_in

register = template.Library()


@register.simple_tag
def alarms(request: HttpRequest) -> list[overview.Alarm]:
    with shown_in(common_zone()):
        return overview.alarms(request)


@register.simple_tag
def needs(request: HttpRequest) -> list[overview.Need]:
    return overview.needs(request)


@register.filter
def grouped(app_list: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return overview.grouped(app_list)
