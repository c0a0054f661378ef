"""What the first page of the admin shows beside Django's own, and how findings of the doctor are sorted."""

import re
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from calls.admin import overview
from calls.admin.local_time import common_zone, shown_in
from calls.doctor import findings

register = template.Library()
_ADDRESS = re.compile(r"(?<!\S)(https?://[^\s,;()]*[^\s,;().:?])")


@register.simple_tag
def alarms(request: HttpRequest) -> list[overview.Alarm]:
    with shown_in(common_zone()):
        return overview.alarms(request)


@register.simple_tag
def needs(request: HttpRequest) -> list[overview.Need]:
    return overview.needs(request)


@register.simple_tag
def health(request: HttpRequest) -> overview.LineHealth | None:
    with shown_in(common_zone()):
        return overview.line_health(request)


@register.filter
def troubles(found: list[findings.Finding]) -> list[findings.Finding]:
    return findings.troubles(found)


@register.filter
def without_trouble(found: list[findings.Finding]) -> list[findings.Finding]:
    seen_to = findings.troubles(found)
    return [one for one in found if one not in seen_to]


@register.filter
def linked(text: str) -> SafeString:
    """The text with its web addresses as links; Django's own urlize also takes `NAME=https://host.com` for one."""
    parts = _ADDRESS.split(text)
    return format_html_join(
        "",
        "{}",
        ((format_html('<a href="{0}">{0}</a>', part) if place % 2 else part,) for place, part in enumerate(parts)),
    )


@register.filter
def counted_by_level(found: list[findings.Finding]) -> str:
    return findings.counted(found)


@register.filter
def grouped(app_list: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return overview.grouped(app_list)
