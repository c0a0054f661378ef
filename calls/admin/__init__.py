"""The admin of the staff: calls to review, messages to answer, businesses, agents and lines to set up."""

from django.contrib import admin

from calls.admin import business, call, work

__all__ = ["business", "call", "work"]

admin.site.site_header = "Receptionist"
admin.site.site_title = "Receptionist"
admin.site.index_title = "Overview"
admin.site.site_url = None
