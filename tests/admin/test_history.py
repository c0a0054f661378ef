"""What was said and done is read, never written: not by staff, not by a superuser, and by nobody without a login."""

import pytest
from django.contrib import admin
from django.urls import reverse

from calls.models import Business, Call, CallEvent, Message, Stream, ToolCall, Turn
from tests import factories

SECRET = "The kitchen tap is dripping."


def every_page(call, message):
    """Every address of the admin that could show something of a call."""
    pages = [reverse("admin:index"), reverse("admin:app_list", args=["calls"])]
    for name, pk in {
        "call": call.pk,
        "message": message.pk,
        "business": call.business.pk,
        "agent": call.agent.pk,
        "phoneline": call.line.pk,
    }.items():
        pages.append(reverse(f"admin:calls_{name}_changelist"))
        pages += [reverse(f"admin:calls_{name}_{verb}", args=[pk]) for verb in ("change", "history", "delete")]
    return pages


@pytest.fixture
def call(db):
    call = factories.make_ended_call()
    factories.make_turn(call=call, text=SECRET)
    factories.make_tool_call(call=call)
    return call


def test_without_a_login_every_page_leads_to_it_and_shows_nothing(client, call):
    message = factories.make_message(call=call)
    pages = every_page(call, message)

    answers = [client.get(page) for page in pages]

    assert [answer.status_code for answer in answers] == [302] * len(pages)
    assert [answer.url for answer in answers] == [f"{reverse('admin:login')}?next={page}" for page in pages]
    assert [answer for answer in answers if SECRET.encode() in answer.content] == []


def test_a_login_without_staff_or_without_permission_reads_no_call(client, call):
    page = reverse("admin:calls_call_change", args=[call.pk])

    client.force_login(factories.make_staff("calls.view_call", is_staff=False))
    assert client.get(page).status_code == 302
    client.force_login(factories.make_staff("calls.view_business"))
    assert client.get(page).status_code == 403
    assert client.get(reverse("admin:calls_call_changelist")).status_code == 403


def test_a_superuser_can_neither_add_nor_change_nor_delete_a_call(owner, call):
    page = reverse("admin:calls_call_change", args=[call.pk])

    statuses = [
        owner.get(reverse("admin:calls_call_add")).status_code,
        owner.post(page, {"end_reason": "operator"}).status_code,
        owner.post(reverse("admin:calls_call_delete", args=[call.pk]), {"post": "yes"}).status_code,
    ]

    call.refresh_from_db()
    assert statuses == [403, 403, 403]
    assert (call.end_reason, call.turns.count(), call.tool_calls.count()) == ("caller_hangup", 1, 1)


def test_the_list_of_calls_offers_no_action(owner, call):
    listed = reverse("admin:calls_call_changelist")

    owner.post(listed, {"action": "delete_selected", "_selected_action": [call.pk], "post": "yes"})

    assert Call.objects.count() == 1
    assert 'name="action"' not in owner.get(listed).content.decode()


def test_turns_tools_events_and_streams_have_no_page_of_their_own():
    registered = [model for model in (Turn, ToolCall, CallEvent, Stream) if admin.site.is_registered(model)]

    assert registered == []


def test_deleting_a_business_leaves_its_calls_and_what_was_said(owner, call):
    owner.post(reverse("admin:calls_business_delete", args=[call.business.pk]), {"post": "yes"})

    assert (Business.objects.count(), Call.objects.count(), Turn.objects.count()) == (0, 1, 1)


def test_the_question_before_deleting_shows_no_number_of_a_caller(client, call):
    factories.make_message(call=call, caller_name="", number="+15550100001")
    deletes = [f"calls.delete_{name}" for name in ("business", "agent", "phoneline", "message")]
    client.force_login(factories.make_staff("calls.view_business", *deletes))

    page = client.get(reverse("admin:calls_business_delete", args=[call.business.pk])).content.decode()

    assert "Message from a caller" in page
    assert "5550100001" not in page


def test_messages_cannot_be_added_by_hand(owner):
    assert owner.get(reverse("admin:calls_message_add")).status_code == 403
    assert Message.objects.count() == 0
