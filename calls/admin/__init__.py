"""The admin of the staff: calls to review, work that calls leave, and what Cortana knows of the business."""

from django.contrib import admin
from django_tasks_db.admin import DBTaskResult

from calls.admin import bookings, business, call, doctor, edge, letters, people, quotes, reaching, servers, trade, work
from calls.admin.login import LimitedLoginForm

__all__ = [
    "bookings",
    "business",
    "call",
    "doctor",
    "edge",
    "letters",
    "people",
    "quotes",
    "reaching",
    "servers",
    "trade",
    "work",
]

admin.site.site_header = "Receptionist"
admin.site.site_title = "Receptionist"
admin.site.index_title = "Overview"
admin.site.site_url = None
admin.site.login_form = LimitedLoginForm
# The worker's queue says less than the rows that it hands out, and a traceback in it may hold a caller's number.
admin.site.unregister(DBTaskResult)
