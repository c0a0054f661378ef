"""What the pages of the trade have in common.

Every row of a list and every row on a page carries `is_whole`: whether its reader may see whole telephone numbers. Rows
that calls leave are read, not typed into: what can be done with one stands as a button on its page and as an action of
its list, and both come from one `Deed`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, Model, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from calls.admin import display
from calls.admin.local_time import LocalTimeMixin
from calls.domain.by_hand import Changed


class Refused(Exception):
    """It cannot be done; the text says why, to the person who pressed the button."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a person does with a row.

    `do` gets the row and raises Refused; `fits` says whether the button is offered for it; with `asks` the person is
    asked that first; with `address` the button leads to a page of its own instead, and there is no action in the list.
    """

    name: str
    label: str
    done: str
    fits: Callable[[Any], bool]
    do: Callable[[Any], None] | None = None
    asks: str = ""
    tone: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A deed as it is offered for one row."""

    label: str
    url: str
    tone: str
    is_link: bool


class MaskedMixin:
    """Numbers by the reader's right: what is shown, searched for and filtered by."""

    number_search_fields: Sequence[str] = ()
    harmless_lookups: frozenset[str] = frozenset()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        is_whole = Value(display.sees_whole_numbers(request), output_field=BooleanField())
        return super().get_queryset(request).annotate(is_whole=is_whole)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        fields = list(self.search_fields)
        return [*fields, *self.number_search_fields] if display.sees_whole_numbers(request) else fields

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        ours = {getattr(item, "parameter_name", None) for item in self.list_filter}
        name = lookup.split("__")[0]
        if not display.sees_whole_numbers(request) and name not in self.harmless_lookups | ours:
            return False
        return super().lookup_allowed(lookup, value, request)


class TradeMixin(MaskedMixin, LocalTimeMixin):
    """A list with its plain title, our style, and no second count of everything."""

    show_full_result_count = False
    list_per_page = 50

    class Media:
        css = {"all": ["calls/admin.css", "calls/trade.css"]}

    def get_changelist_instance(self, request: HttpRequest):
        changelist = super().get_changelist_instance(request)
        changelist.title = self.opts.verbose_name_plural.capitalize()
        return changelist


class DeedMixin:
    """Deeds as buttons of the page and as actions of the list."""

    change_form_template = "admin/calls/record/change_form.html"
    deeds: Sequence[Deed] = ()

    def get_urls(self):
        address = path("<path:object_id>/do/<str:name>/", self.admin_site.admin_view(self.do_view), name=self._do_name)
        return [address, *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if not self.has_change_permission(request):
            return actions
        offered = {deed.name: (_in_list, deed.name, deed.label) for deed in self.deeds if deed.do}
        return actions | offered

    def buttons_for(self, request: HttpRequest, row: Model) -> list[Button]:
        if not self.has_change_permission(request):
            return []
        return [
            Button(deed.label, self._address_of(deed, row), deed.tone, is_link=bool(deed.address or deed.asks))
            for deed in self.deeds
            if deed.fits(row)
        ]

    def do_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        deed = self.deed(name)
        if row is None or deed is None or deed.do is None:
            raise Http404
        if not self.has_change_permission(request):
            raise PermissionDenied
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        if request.method == "POST":
            self.do(request, deed, [row])
            return redirect(back)
        if not deed.asks:
            raise PermissionDenied
        return self._ask(request, deed, [row], back)

    def deed(self, name: str) -> Deed | None:
        return next((deed for deed in self.deeds if deed.name == name), None)

    def do(self, request: HttpRequest, deed: Deed, rows: Sequence[Model]) -> None:
        """Do it with each row; what is refused is said, and the others are done all the same."""
        done = 0
        for row in rows:
            try:
                if not deed.fits(row):
                    raise Refused(f"{row}: “{deed.label}” does not fit, it is {state_of(row)}.")
                deed.do(row)
            except Refused as refusal:
                messages.error(request, str(refusal))
                continue
            except Changed:
                messages.error(request, f"{row} has changed meanwhile. Look at it again.")
                continue
            self.log_change(request, row, deed.done.capitalize())
            done += 1
        if done:
            messages.success(request, f"{done if len(rows) > 1 else rows[0]}: {deed.done}.")

    def _ask(self, request: HttpRequest, deed: Deed, rows: Sequence[Model], back: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": deed.asks,
            "deed": deed,
            "rows": rows,
            "back": back,
            "is_list": request.method == "POST",
        }
        return TemplateResponse(request, "admin/calls/record/sure.html", context)

    def _address_of(self, deed: Deed, row: Model) -> str:
        if deed.address:
            return reverse(deed.address, args=[row.pk])
        return reverse(f"admin:{self._do_name}", args=[row.pk, deed.name])

    @property
    def _do_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_do"

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        context["buttons"] = self.buttons_for(request, obj) if obj else []
        return super().render_change_form(request, context, add, change, form_url, obj)


class RecordMixin(DeedMixin, TradeMixin):
    """Rows that calls leave: closed to change on their page, open to their deeds."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _in_list(model_admin: DeedMixin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    """The action of a list; one that asks is asked on a page of its own, which posts the same rows again."""
    deed = model_admin.deed(request.POST["action"])
    rows = list(queryset)
    if deed.asks and "sure" not in request.POST:
        return model_admin._ask(request, deed, rows, request.get_full_path())
    model_admin.do(request, deed, rows)
    return None


def state_of(row: Model) -> str:
    return row.get_status_display().lower() if hasattr(row, "get_status_display") else "not open"


def link_to(row: Model | None, text: str = ""):
    """The name of a row as a link to its page."""
    if row is None:
        return "–"
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, text or row)


def call_link(row: Any):
    """The call that a row comes from."""
    if row.call_id is None:
        return "–"
    return format_html('<a href="{}">Open call</a>', reverse("admin:calls_call_change", args=[row.call_id]))


def number_of(row: Any, field: str = "number") -> str:
    return display.show_number(getattr(row, field), whole=row.is_whole)


class BusinessFilter(admin.RelatedOnlyFieldListFilter):
    """By business, where there are several."""

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1
