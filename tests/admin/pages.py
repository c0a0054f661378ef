"""Reading the admin's pages as a person does."""

import html
import re

from django.contrib.messages import get_messages
from django.urls import reverse


def address(model, verb="changelist", *args):
    return reverse(f"admin:calls_{model}_{verb}", args=args)


def words(fragment):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", fragment)).split())


def text_of(response):
    """All that a person reads in the middle of a page."""
    assert response.status_code == 200
    page = response.content.decode()
    return words(page[page.index('id="content"') :])


def cells(response):
    """The text of a list's cells, row by row, without the box to tick."""
    body = re.search(r'<table id="result_list">.*?<tbody>(.*?)</tbody>', response.content.decode(), re.DOTALL)
    rows = body.group(1).split("<tr>")[1:] if body else []
    found = [re.findall(r"<t[dh](?: class=\"([^\"]*)\")?[^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]
    return [[words(cell) for name, cell in row if name != "action-checkbox"] for row in found]


def buttons(response):
    return [words(found) for found in re.findall(r'<(?:a|button) class="deed [^>]*>(.*?)</', response.content.decode())]


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def do(client, model, row, deed):
    """Press a button of a row's page; what is said after it."""
    return said(client.post(address(model, "do", row.pk, deed)))


def in_list(client, model, deed, *rows, **data):
    return client.post(address(model), {"action": deed, "_selected_action": [row.pk for row in rows]} | data)
