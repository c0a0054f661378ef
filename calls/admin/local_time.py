"""Pages of the admin in the time of the businesses, not of the server."""

from contextlib import contextmanager
from zoneinfo import ZoneInfo

from django.utils import timezone

from calls.models import Business


def common_zone() -> ZoneInfo:
    """The time zone of all businesses, or UTC where they differ."""
    names = Business.objects.order_by().values_list("time_zone", flat=True).distinct()[:2]
    return ZoneInfo(names[0] if len(names) == 1 else "UTC")


@contextmanager
def shown_in(zone: ZoneInfo):
    with timezone.override(zone):
        yield lambda response: response.render() if hasattr(response, "render") else response


class LocalTimeMixin:
    """Lists and forms in the businesses' common time; rendered before the time zone is put back."""

    def changelist_view(self, request, extra_context=None):
        zone = common_zone()
        context = {"subtitle": f"Times in {zone.key.replace('_', ' ')}"} | (extra_context or {})
        with shown_in(zone) as rendered:
            return rendered(super().changelist_view(request, context))

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        with shown_in(common_zone()) as rendered:
            return rendered(super().changeform_view(request, object_id, form_url, extra_context))
