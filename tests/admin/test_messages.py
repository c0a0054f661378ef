"""Messages: read, ticked off, corrected; who may not see whole numbers can only tick off."""

import re

import pytest
from django.urls import reverse

from calls.models import Call, Callback
from tests import factories
from tests.admin.pages import address, buttons, do

LIST = reverse("admin:calls_message_changelist")


def change(message):
    return reverse("admin:calls_message_change", args=[message.pk])


def test_the_list_shows_who_what_and_whether_it_is_done(owner):
    message = factories.make_message()

    page = owner.get(LIST).content.decode()

    assert '<b>Robert Miller</b><span class="beside">+1 555-010-0001</span>' in page
    assert 'The kitchen tap is dripping.<span class="beside">Cedar Plumbing</span>' in page
    assert '<span class="badge badge-warm">Open</span>' in page
    assert f'<a href="{reverse("admin:calls_call_change", args=[message.call.pk])}">Open call</a>' in page


def test_a_message_without_name_number_or_call_is_shown_too(owner):
    message = factories.make_message(caller_name="", number="", is_done=True)
    message.call.delete()

    page = owner.get(LIST).content.decode()

    assert '<b>A caller</b><span class="beside">Unknown</span>' in page
    assert '<span class="badge badge-good">Done</span>' in page
    assert "Open call" not in page


def test_the_selected_messages_are_ticked_off_and_opened_again(clerk):
    call = factories.make_call()
    first, second = factories.make_message(call=call, text="One."), factories.make_message(call=call, text="Two.")

    clerk.post(LIST, {"action": "mark_done", "_selected_action": [first.pk]})
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.is_done, second.is_done) == (True, False)

    clerk.post(LIST, {"action": "mark_open", "_selected_action": [first.pk, second.pk]})
    first.refresh_from_db()
    assert first.is_done is False


def test_a_reader_cannot_tick_off(client, db):
    client.force_login(factories.make_staff("calls.view_message"))
    message = factories.make_message()

    client.post(LIST, {"action": "mark_done", "_selected_action": [message.pk]})

    message.refresh_from_db()
    assert message.is_done is False


def test_the_owner_corrects_a_message_and_the_number_is_normalized(owner):
    message = factories.make_message()

    owner.post(change(message), {"caller_name": "Bob", "number": "+1 555 010 0002", "text": "Tap.", "is_done": "on"})

    message.refresh_from_db()
    assert (message.caller_name, message.number, message.text, message.is_done) == (
        "Bob",
        "+15550100002",
        "Tap.",
        True,
    )


def test_a_number_that_cannot_be_dialed_is_refused_only_if_somebody_entered_it(owner):
    message = factories.make_message(number="anonymous")

    refused = owner.post(change(message), {"number": "555", "text": message.text})
    kept = owner.post(change(message), {"number": "anonymous", "text": message.text, "is_done": "on"})

    assert refused.context["adminform"].form.errors == {
        "number": ["Begin with + and the country code, for example +1 555 010 9999. 555 alone cannot be dialed."]
    }
    assert kept.status_code == 302


def test_a_clerk_ticks_off_without_seeing_or_changing_number_and_words(clerk):
    message = factories.make_message(text="Call 555-010-0001 back.")

    page = clerk.get(change(message)).content.decode()
    clerk.post(change(message), {"number": "+15550100009", "text": "Other words.", "is_done": "on"})

    message.refresh_from_db()
    assert [number for number in ("5550100001", "555-010-0001") if number in page] == []
    assert "Call •••01 back." in page
    assert (message.number, message.text, message.is_done) == ("+15550100001", "Call 555-010-0001 back.", True)


@pytest.mark.parametrize("query", [{"q": "0001"}, {"q": "555-010"}, {"q": "tap"}])
def test_a_clerk_finds_messages_by_name_alone(clerk, query):
    factories.make_message(text="My tap. Call 555-010-0001 back.")

    assert "<b>Robert Miller</b>" not in clerk.get(LIST, query).content.decode()
    assert "<b>Robert Miller</b>" in clerk.get(LIST, {"q": "miller"}).content.decode()


def test_the_owner_finds_messages_by_number(owner):
    factories.make_message()

    assert "<b>Robert Miller</b>" in owner.get(LIST, {"q": "5550100001"}).content.decode()


@pytest.mark.parametrize("lookup", ["number__startswith", "text__contains", "call__from_number"])
def test_a_clerk_cannot_filter_by_number_in_the_address_bar(clerk, lookup):
    factories.make_message()

    assert clerk.get(LIST, {lookup: "+1555"}).status_code == 400


def test_open_messages_can_be_filtered_by_everybody_and_numbers_by_the_owner(owner, clerk):
    factories.make_message()

    assert clerk.get(LIST, {"taken_at__year": 2026}).status_code == 200
    owner.force_login(factories.make_superuser())
    assert owner.get(LIST, {"number__startswith": "+1555"}).status_code == 200


def test_neither_numbers_nor_words_can_be_sorted_by(clerk):
    factories.make_message()

    page = clerk.get(LIST).content.decode()

    sortable = {int(column) for column in re.findall(r'href="\?o=-?(\d)(?:\.|")', page)}
    assert sortable <= {1, 2, 4}  # when, the name, the state


def ring_back(client, message):
    picked = {"action": "ring_back", "_selected_action": [message.pk]}
    return client.post(LIST, picked, follow=True).content.decode()


def test_the_page_of_a_message_offers_what_the_list_does(owner):
    message = factories.make_message(number="+15550100001")
    assert buttons(owner.get(change(message))) == ["Let the agent call back", "Mark as done"]

    assert do(owner, "message", message, "let_ring") == ["Message from Robert Miller: rung as soon as the rules allow."]

    assert Callback.objects.get().number == "+15550100001"
    assert buttons(owner.get(change(message))) == ["Mark as open"]
    do(owner, "message", message, "open_again")
    do(owner, "message", message, "tick_off")
    message.refresh_from_db()
    assert message.is_done


def test_a_message_that_cannot_be_rung_back_says_why_on_its_page(owner):
    message = factories.make_message(number="911")

    [said] = do(owner, "message", message, "let_ring")

    assert said.startswith("Message from Robert Miller: Emergency numbers are never dialed from here.")
    assert not Callback.objects.exists()


def test_who_may_only_read_messages_is_offered_nothing(client, db):
    message = factories.make_message()
    client.force_login(factories.make_staff("calls.view_message"))

    assert buttons(client.get(change(message))) == []
    assert client.post(address("message", "do", message.pk, "tick_off")).status_code == 403


def test_a_message_becomes_a_callback_and_is_done_with_that(owner):
    message = factories.make_message(number="+15550100001")

    page = ring_back(owner, message)

    callback = Callback.objects.get()
    message.refresh_from_db()
    assert (callback.number, callback.caller_name, callback.call) == ("+15550100001", "Robert Miller", message.call)
    assert (callback.reason, callback.status, message.is_done) == ("The kitchen tap is dripping.", "due", True)
    assert "Callback for Robert Miller: due " in page


def test_a_message_asked_for_twice_becomes_one_callback(owner):
    message = factories.make_message(number="+15550100001")

    ring_back(owner, message)
    page = ring_back(owner, message)

    assert Callback.objects.count() == 1
    assert "Message from Robert Miller is done already." in page


def test_two_messages_of_one_number_become_one_callback_about_both(owner):
    first = factories.make_message(number="+15550100001")
    second = factories.make_message(number="+15550100001", text="And the shower.", business=first.business)

    ring_back(owner, first)
    ring_back(owner, second)

    assert Callback.objects.get().reason == "The kitchen tap is dripping; And the shower."
    second.refresh_from_db()
    assert second.is_done


def test_who_left_a_voicemail_is_rung_about_just_that(owner):
    message = factories.make_message(text="Voicemail: the sound is on the page of the call.")

    ring_back(owner, message)

    assert Callback.objects.get().reason == "the voicemail that they left"


def test_a_number_that_is_not_rung_leaves_the_message_open(owner):
    message = factories.make_message(number="+19005551234")

    page = ring_back(owner, message)

    message.refresh_from_db()
    assert (Callback.objects.count(), message.is_done) == (0, False)
    assert "Only ordinary land lines and mobile phones are called from here." in page


def test_a_voicemail_can_be_heard_where_it_waits(owner):
    message = factories.make_message()
    assert "<audio" not in owner.get(change(message)).content.decode()

    url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1"
    Call.objects.update(recording_url=url)
    assert f'<audio controls preload="none" src="{url}"></audio>' in owner.get(change(message)).content.decode()
