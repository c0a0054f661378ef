"""Quotes: the lines as the server worked them out, whether they were e-mailed, and sending them once more."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from calls.admin import display
from calls.admin.letters import STATE_TONES
from calls.admin.records import BusinessFilter, Button, Deed, RecordMixin, Refused, call_link, link_to
from calls.domain import by_hand, copies
from calls.domain.money import written_range
from calls.models import Quote


def send_again(quote: Quote) -> None:
    try:
        by_hand.send_quote_again(quote=quote, now=timezone.now())
    except by_hand.NotSent as refusal:
        raise Refused(str(refusal)) from None


@admin.register(Quote)
class QuoteAdmin(RecordMixin, admin.ModelAdmin):
    list_display = ["quoted", "what", "who", "price", "of_call"]
    list_filter = [("service", admin.RelatedOnlyFieldListFilter), ("business", BusinessFilter)]
    list_select_related = ["business", "customer", "service"]
    date_hierarchy = "quoted_at"
    search_fields = ["reference", "customer__name", "service__name"]
    number_search_fields = ["customer__number"]
    harmless_lookups = frozenset({"business", "service", "quoted_at"})
    fieldsets = [
        (None, {"fields": ["service_name", "wanted", "lines_table", "not_included"]}),
        ("E-mails", {"fields": ["letters_sent"]}),
        ("Where it comes from", {"fields": ["reference", "quoted", "customer_link", "business", "of_call"]}),
    ]
    readonly_fields = [
        *("service_name", "wanted", "lines_table", "not_included", "letters_sent", "reference", "quoted"),
        *("customer_link", "business", "of_call"),
    ]
    deeds = [Deed("send_again", "Send again", "put in the outbox", lambda quote: True, send_again, tone="main")]

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related(*self.list_select_related)

    def buttons_for(self, request: HttpRequest, row: Quote) -> list[Button]:
        """In the list it is offered for every row, and said why not."""
        return super().buttons_for(request, row) if copies.is_quote_sendable(quote=row) else []

    @admin.display(description="quoted", ordering="quoted_at")
    def quoted(self, quote):
        return display.show_moment(quote.quoted_at)

    @admin.display(description="what", ordering="service__name")
    def what(self, quote):
        return format_html('{}<span class="beside">{}</span>', quote.service, quote.reference)

    @admin.display(description="for", ordering="customer__name")
    def who(self, quote):
        return quote.customer or "A caller"

    @admin.display(description="total", ordering="total")
    def price(self, quote):
        return written_range(quote.total, quote.total_to, quote.business.currency)

    @admin.display(description="service")
    def service_name(self, quote):
        return quote.service

    @admin.display(description="for the time")
    def wanted(self, quote):
        return display.show_day_and_time(quote.wanted_at) if quote.wanted_at else "No time was asked for"

    @admin.display(description="lines")
    def lines_table(self, quote):
        currency = quote.business.currency
        rows = [(line.text, written_range(line.amount, line.amount_to, currency)) for line in quote.lines.all()]
        return format_html(
            '<table class="quote"><tbody>{}</tbody><tfoot><tr><th>Total</th><td>{}</td></tr></tfoot></table>',
            format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", rows),
            written_range(quote.total, quote.total_to, currency),
        )

    @admin.display(description="sent")
    def letters_sent(self, quote):
        rows = [
            (link_to(row, row.to), display.badge(row.get_status_display(), STATE_TONES[row.status]))
            for row in by_hand.letters_of(quote=quote)
        ]
        return format_html_join("", '<span class="letter">{} {}</span>', rows) or "Not e-mailed"

    @admin.display(description="customer")
    def customer_link(self, quote):
        return link_to(quote.customer)

    @admin.display(description="call")
    def of_call(self, quote):
        return call_link(quote)
