"""E-mails and text messages that leave: what became of each, and another try for those that were given up."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from calls.admin import display
from calls.admin.records import BusinessFilter, Deed, RecordMixin, call_link, number_of
from calls.domain import copies, outbox
from calls.models import OutgoingEmail, OutgoingMessage

STATE_TONES = {"queued": "live", "sent": "good", "failed": "bad"}


def try_again(letter: OutgoingEmail | OutgoingMessage) -> None:
    outbox.send_again(letter=letter, now=timezone.now())


def send_copy(letter: OutgoingEmail | OutgoingMessage) -> None:
    copies.send_copy(letter=letter, now=timezone.now())


class LetterMixin(RecordMixin):
    list_select_related = ["business"]
    list_filter = ["status", "purpose", ("business", BusinessFilter)]
    date_hierarchy = "written_at"
    harmless_lookups = frozenset({"status", "purpose", "business", "written_at"})
    deeds = [
        Deed("try_again", "Try again", "tried again", lambda letter: letter.status == "failed", try_again, tone="main"),
        Deed(
            "send_copy",
            "Send again",
            "put in the outbox once more",
            lambda letter: letter.status == "sent",
            send_copy,
            asks="Send it again? It leaves once more as it was, to the same receiver.",
        ),
    ]

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("business")

    @admin.display(description="written", ordering="written_at")
    def written(self, letter):
        return display.show_moment(letter.written_at)

    @admin.display(description="state", ordering="status")
    def state(self, letter):
        badge = display.badge(letter.get_status_display(), STATE_TONES[letter.status])
        if letter.status == letter.Status.SENT:
            return badge
        return format_html('{}<span class="beside trouble">{}</span>', badge, self._why(letter))

    @admin.display(description="tries")
    def tries(self, letter):
        if letter.status == letter.Status.QUEUED:
            return f"{letter.attempts}, next {display.show_moment(letter.due_at)}"
        return letter.attempts

    @admin.display(description="sent")
    def sent(self, letter):
        return display.show_moment(letter.sent_at) if letter.sent_at else "–"

    @admin.display(description="about", ordering="purpose")
    def about(self, letter):
        return letter.purpose.replace("_", " ").capitalize()

    @admin.display(description="words")
    def words(self, letter):
        return display.masked(letter.body, whole=letter.is_whole)

    @admin.display(description="call")
    def of_call(self, letter):
        return call_link(letter)

    def _why(self, letter) -> str:
        return display.masked(letter.error, whole=letter.is_whole)


@admin.register(OutgoingEmail)
class OutgoingEmailAdmin(LetterMixin, admin.ModelAdmin):
    list_display = ["written", "letter", "about", "state", "of_call"]
    search_fields = ["to", "subject"]
    fieldsets = [
        (None, {"fields": ["state", "to", "subject_line", "words"]}),
        ("On its way", {"fields": ["written", "tries", "sent", "has_calendar"]}),
        ("Where it comes from", {"fields": ["about", "business", "of_call"]}),
    ]
    readonly_fields = [
        *("state", "to", "subject_line", "words", "written", "tries", "sent", "has_calendar", "about", "business"),
        "of_call",
    ]

    @admin.display(description="to", ordering="to")
    def letter(self, email):
        return format_html('<b>{}</b><span class="beside">{}</span>', email.to, self.subject_line(email))

    @admin.display(description="subject")
    def subject_line(self, email):
        return display.masked(email.subject, whole=email.is_whole)

    @admin.display(description="with an appointment", boolean=True)
    def has_calendar(self, email):
        return bool(email.calendar)


@admin.register(OutgoingMessage)
class OutgoingMessageAdmin(LetterMixin, admin.ModelAdmin):
    list_display = ["written", "letter", "about", "state", "of_call"]
    number_search_fields = ["to", "body"]
    search_fields = ["message_sid"]
    fieldsets = [
        (None, {"fields": ["state", "receiver", "words"]}),
        ("On its way", {"fields": ["written", "tries", "sent", "message_sid"]}),
        ("Where it comes from", {"fields": ["about", "business", "of_call"]}),
    ]
    readonly_fields = ["state", "receiver", "words", "written", "tries", "sent", "message_sid", "about", "business"]
    readonly_fields += ["of_call"]

    @admin.display(description="to")
    def letter(self, message):
        return format_html('<b>{}</b><span class="beside words">{}</span>', self.receiver(message), self.words(message))

    @admin.display(description="to")
    def receiver(self, message):
        return number_of(message, "to")

    def _why(self, message) -> str:
        why = super()._why(message)
        return f"{why} (Twilio {message.error_code})" if message.error_code else why
