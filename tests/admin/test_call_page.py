"""The page of a call: a chat in the order of the conversation, its timeline, why it ended, and what is masked in it."""

import html
import re
from datetime import timedelta

import pytest
from django.urls import reverse

from calls.models import Call, Quote, ToolCall, Turn
from calls.models.call import TEST_CALL_PREFIX
from tests import factories, factories_trade
from tests.admin import test_records

AT_TEN = factories.RANG_AT + timedelta(seconds=67)


def page_of(client, call):
    response = client.get(reverse("admin:calls_call_change", args=[call.pk]))
    assert response.status_code == 200
    return response.content.decode()


def words(fragment):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", fragment)).split())


def chat(page):
    """The entries of the conversation, each as one line of text."""
    found = re.search(r'<ol class="chat">(.*?)</ol>', page, re.DOTALL)
    return [words(entry) for entry in found.group(1).split("<li ")[1:]] if found else []


def conversation(page):
    return [re.sub(r'^class="[^"]*">\s*', "", line) for line in chat(page)]


def timeline(page):
    found = re.search(r'<ol class="timeline">(.*?)</ol>', page, re.DOTALL)
    return [words(entry) for entry in re.split(r"<li[^>]*>", found.group(1))[1:]] if found else []


def test_the_conversation_reads_in_its_order_with_tools_in_their_place(owner):
    call = factories.make_ended_call(seconds=43, end_reason="agent_hangup")
    factories.make_turn(call=call, position=3, role=Turn.Role.AGENT, text="It is noted.", started_ms=30_400)
    factories.make_turn(call=call, position=0, role=Turn.Role.AGENT, text="Thank you for calling.", started_ms=640)
    factories.make_turn(call=call, position=1, text="My tap drips.", started_ms=7_400)
    factories.make_tool_call(
        call=call, position=2, started_ms=27_200, arguments={"name": "Robert"}, result={"taken": True}
    )

    assert conversation(page_of(owner, call)) == [
        "Cortana 0:00 Thank you for calling.",
        "Caller 0:07 My tap drips.",
        "take_message OK 14 ms · 0:27 Asked name Robert Answer taken yes",
        "Cortana 0:30 It is noted.",
        "The agent said goodbye and hung up at 0:43",
    ]


@pytest.mark.parametrize(
    ("heard_ms", "sentence"),
    [
        (3520, "Interrupted after 3.5 s"),
        (0, "Interrupted before a sound of it was heard"),
        (None, "Interrupted"),
    ],
)
def test_an_interrupted_turn_shows_what_was_heard_and_what_was_not(owner, heard_ms, sentence):
    call = factories.make_call()
    factories.make_turn(
        call=call, role=Turn.Role.AGENT, text="We are open", unheard="until noon.", interrupted=True, heard_ms=heard_ms
    )

    page = page_of(owner, call)

    assert conversation(page) == [f"Cortana 0:01 We are open until noon. {sentence}"]
    assert '<del class="unheard" title="Not heard by the caller">until noon.</del>' in page


def test_a_call_of_the_doctor_says_that_nobody_rang(owner):
    theirs, ours = factories.make_ended_call(), factories.make_ended_call(call_sid=f"{TEST_CALL_PREFIX}{'0' * 26}")

    assert ["A test call of the doctor" in page_of(owner, call) for call in (theirs, ours)] == [False, True]


def test_keys_that_were_pressed_and_words_that_were_not_understood_are_said_to_be_so(owner):
    call = factories.make_call()
    factories.make_turn(call=call, text="[keypad: 4 2]")
    factories.make_turn(call=call, text="")

    assert conversation(page_of(owner, call)) == ["The caller pressed 4 2 0:01", "Caller 0:02 (not understood)"]


@pytest.mark.parametrize(
    ("status", "shown"), [(ToolCall.Status.TIMED_OUT, "badge-bad"), (ToolCall.Status.REFUSED, "badge-quiet")]
)
def test_a_tool_call_without_success_shows_in_its_badge(owner, status, shown):
    call = factories.make_call()
    factories.make_tool_call(call=call, status=status, arguments={}, result=None, duration_ms=5000)

    page = page_of(owner, call)

    assert conversation(page) == [f"take_message {status.label} 5.0 s · 0:01 Asked nothing Answer none"]
    assert f'<span class="badge {shown}">{status.label}</span>' in page


def test_nested_and_empty_arguments_stay_readable(owner):
    call = factories.make_call()
    arguments = {"tags": ["a", 1], "none": None, "address": {"zip": "12207"}, "waited_ms": 640, "text": ""}
    factories.make_tool_call(call=call, arguments=arguments, result="plain")

    assert conversation(page_of(owner, call)) == [
        'take_message OK 14 ms · 0:01 Asked address { "zip": "12207" } none – tags a, 1 text – waited 0.6 s '
        "Answer plain"
    ]


def test_what_a_caller_says_is_text_and_never_markup(owner):
    call = factories.make_call()
    factories.make_turn(call=call, text="<script>alert(1)</script>")
    factories.make_tool_call(call=call, name="<b>x</b>", arguments={"<i>": "</dd><img src=x>"})
    factories.make_event(call=call, kind="<u>", detail={"<s>": "<iframe>"})

    page = page_of(owner, call)

    inside = page[page.index('class="call-columns"') :]
    assert [tag for tag in ("<script>alert", "<b>x", "<i>", "<img", "<u>", "<s>", "<iframe>") if tag in inside] == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in inside


def test_the_timeline_tells_what_happened_in_words_and_marks_trouble(owner):
    call = factories.make_call()
    factories.make_event(call=call, kind="line_lost", at_ms=14_030, detail={"cause": "closed", "code": 1011})
    factories.make_event(call=call, kind="webhook", at_ms=0, detail={"direction": "inbound"})
    factories.make_event(call=call, kind="barge_in", at_ms=9_950, detail={"item_id": "item_1", "heard_ms": 3520})
    factories.make_event(call=call, kind="ended", at_ms=14_100, detail={"reason": "upstream_lost"})
    factories.make_event(call=call, kind="something_new", at_ms=14_200)

    page = page_of(owner, call)

    assert timeline(page) == [
        "0:00.0 The telephone rang",
        "0:09.9 The caller interrupted heard 3.5 s",
        "0:14.0 Connection to OpenAI lost cause closed code 1011",
        "0:14.1 The conversation ended reason OpenAI was lost during the call",
        "0:14.2 Something new",
    ]
    assert page.count('<li class="trouble">') == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"status": Call.Status.STREAMING}, "Still going on"),
        ({"status": Call.Status.ENDED}, "Ended, no reason recorded"),
        ({"status": Call.Status.HANDED_OVER, "end_reason": "stream_lost"}, "Twilio&#x27;s media stream broke"),
    ],
)
def test_why_it_ended_is_a_sentence(owner, fields, sentence):
    page = page_of(owner, factories.make_call(**fields))

    assert f"<dd>{sentence}</dd>" in page


def test_details_recording_and_messages_stand_beside_the_conversation(owner):
    call = factories.make_ended_call(
        recording_url="https://api.twilio.com/Recordings/RE1",
        recording_seconds=31,
        handover_number="+15550108000",
        handover_result="busy",
        input_tokens=200,
        cached_tokens=150,
        output_tokens=90,
        realtime_session_id="sess_1",
    )
    factories.make_stream(call=call, error="31921 close error")
    message = factories.make_message(call=call)

    text = words(page_of(owner, call))

    for expected in (
        "Voicemail at Twilio (0:31)",
        "Handed to +1 555-010-8000 busy",
        "Tokens 200 in (150 cached), 90 out",
        "31921 close error",
        "Session sess_1",
        f"CallSid {call.call_sid}",
        "Friday, November 20, 2026, 10:04:05 AM EST",
        "Robert Miller +1 555-010-0001 The kitchen tap is dripping. Open Open the message",
    ):
        assert expected in text
    assert reverse("admin:calls_message_change", args=[message.pk]) in page_of(owner, call)


@pytest.mark.parametrize(
    ("fields", "words_for_it"),
    [
        ({"handover_is_announced": True, "handover_accepted_at": AT_TEN}, "Accepted at 10:05:12 AM, by pressing 1"),
        ({"handover_is_announced": True, "handover_result": "not-accepted"}, "Nobody pressed 1 to accept"),
        ({"handover_is_announced": True, "status": "handed_over"}, "Whoever picks up has to press 1 to accept"),
        ({}, "Not announced: whoever picks up is connected at once"),
        ({"handover_result": "busy"}, "Not announced: whoever picks up is connected at once"),
    ],
)
def test_a_hand_over_is_told_with_whether_a_person_has_accepted_it(owner, fields, words_for_it):
    call = factories.make_ended_call(handover_number="+15550108000", **fields)

    assert f"Hand-over {words_for_it} " in words(page_of(owner, call))


def test_a_call_that_was_not_handed_over_says_nothing_of_it(owner):
    assert "Hand-over" not in words(page_of(owner, factories.make_ended_call()))


def test_the_recording_opens_without_telling_twilio_where_from(owner):
    call = factories.make_ended_call(recording_url="https://api.twilio.com/Recordings/RE1")

    assert 'href="https://api.twilio.com/Recordings/RE1" rel="noopener noreferrer"' in page_of(owner, call)


def test_a_call_that_lost_its_business_agent_and_line_is_still_shown(owner):
    call = factories.make_ended_call(business=None, agent=None, line=None)
    factories.make_turn(call=call, role=Turn.Role.AGENT, text="Hello.")

    page = page_of(owner, call)

    assert conversation(page)[0] == "Agent 0:01 Hello."
    assert "10:04:05 AM EST" in page


def test_an_empty_call_says_so(owner):
    assert "Nothing was said in this call." in page_of(owner, factories.make_ended_call())
    assert "Nothing has been said yet." in page_of(owner, factories.make_call())


def test_a_clerk_sees_no_whole_number_anywhere_on_the_page(clerk):
    call = factories.make_ended_call(handover_number="+15550108000")
    factories.make_turn(call=call, text="It is 555-010-0001, or +1 555 010 0001, or 5 5 5 0 1 0 0 0 0 1.")
    factories.make_turn(call=call, role=Turn.Role.AGENT, text="", unheard="So 5550100001?", interrupted=True)
    factories.make_tool_call(
        call=call, arguments={"number": "+15550100001", "more": [{"n": 15550100001}]}, result={"to": "555.010.0001"}
    )
    factories.make_event(call=call, detail={"from": "+15550100001"})
    factories.make_message(call=call, text="Call 555 010 0001 back.")
    factories.make_message(call=call, caller_name="", text="Another.")

    page = page_of(clerk, call)

    shown = words(page).replace(words(call.line.number), "")
    digits = re.sub(r"[^0-9a-zA-Z•]", "", shown)
    assert [number for number in ("5550100001", "5550108000") if number in digits] == []
    assert "Call from •••01" in page


def test_dates_amounts_and_short_numbers_stay_readable_for_a_clerk(clerk):
    call = factories.make_call()
    factories.make_turn(call=call, text="On 2026-11-20 at 10:30, for 1,250.00 dollars, ZIP code 12207, 24 Elm Street.")

    assert conversation(page_of(clerk, call)) == [
        "Caller 0:01 On 2026-11-20 at 10:30, for 1,250.00 dollars, ZIP code 12207, 24 Elm Street."
    ]


def test_a_clerk_who_may_not_read_messages_gets_no_link_to_them(client, db):
    client.force_login(factories.make_staff("calls.view_call"))
    call = factories.make_ended_call()
    factories.make_message(call=call)

    assert "Open the message" not in page_of(client, call)


def test_a_call_that_does_not_exist_leads_back_with_a_word(owner):
    response = owner.get(reverse("admin:calls_call_change", args=[4711]), follow=True)

    assert "doesn’t exist" in response.content.decode()


def test_no_page_holds_inline_script_or_style(owner):
    call = factories.make_ended_call()
    factories.make_turn(call=call)
    factories.make_message(call=call)
    pages = [reverse("admin:calls_call_change", args=[call.pk]), reverse("admin:index")]
    pages += [
        reverse(f"admin:calls_{name}_changelist") for name in ("call", "agent", "business", "phoneline", "message")
    ]
    pages += [reverse("admin:calls_agent_change", args=[call.agent.pk]), reverse("admin:calls_phoneline_add")]

    inline = re.compile(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\b(src=|type=.application/json))")
    assert [(url, inline.findall(owner.get(url).content.decode())) for url in pages] == [(url, []) for url in pages]


@pytest.fixture
def rich_call(db, time_machine):
    """A call that left one of everything."""
    time_machine.move_to(factories.RANG_AT, tick=False)
    call = factories.make_ended_call(
        outcome="emergency",
        summary="A caller on 555-010-0001 with a burst pipe.",
        next_action="Ring 555-010-0001 now.",
        needs_review=True,
        review_reason="The agent spoke of a booking, but there is none.",
        transfer_reason="a burst pipe",
    )
    quote = test_records.make_quote(call)
    Quote.objects.update(reference="ACDEFH")
    factories_trade.make_booking(service=quote.service, call=call, reference="K7FCM4")
    factories_trade.make_answer(business=call.business, call=call, question="Any dogs?", answer="")
    test_records.make_callback(call, reason="Call 555-010-0001.")
    test_records.make_emergency(call)
    test_records.make_email(call, status="failed")
    test_records.make_text(call, body="Call 555-010-0001.", status="sent")
    return call


def left(page):
    found = re.search(r'<ul class="left">(.*?)</ul>', page, re.DOTALL)
    return [words(entry) for entry in found.group(1).split("<li>")[1:]] if found else []


def test_what_a_call_came_to_stands_on_top(owner, rich_call):
    text = words(page_of(owner, rich_call))

    for expected in (
        "Outcome Emergency",
        "Review The agent spoke of a booking, but there is none.",
        "To do Ring 555-010-0001 now.",
        "A caller on 555-010-0001 with a burst pipe.",
        "Why a burst pipe",
    ):
        assert expected in text


def test_what_a_call_left_is_listed_with_its_state_and_linked(owner, rich_call):
    page = page_of(owner, rich_call)

    assert left(page) == [
        "Emergency Nobody has accepted yet An emergency 12 Elm Street",
        "Booking Booked Drain cleaning Tue, Nov 24, 9:00 AM, K7FCM4",
        "Quote $129.60 Drain cleaning ACDEFH",
        "Callback Due Call 555-010-0001. Sat, Nov 21, 10:04 AM",
        "Question Open Any dogs?",
        "E-mail Given up Your quote jo@example.com",
        "Text message Sent Call 555-010-0001. emergency",
    ]
    assert reverse("admin:calls_booking_change", args=[rich_call.bookings.get().pk]) in page


def test_a_clerk_reads_what_a_call_left_without_numbers_and_without_links(clerk, rich_call):
    page = page_of(clerk, rich_call)

    assert "Ring •••01 now." in words(page)
    assert left(page)[3] == "Callback Due Call •••01. Sat, Nov 21, 10:04 AM"
    assert re.findall(r"555-?010-?0001", page) == []
    assert "/admin/calls/booking/" not in page
