"""What Twilio posts, read as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.twilio import webhook
from calls.twilio.webhook import DialOutcome, Failure, IncomingCall, Malformed, Recording, StatusChange, StreamStatus

SID = "CA" + "0" * 32


def test_a_call_that_comes_in():
    form = {
        "CallSid": SID,
        "AccountSid": "AC1",
        "From": "+15550100001",
        "To": "+15550109999",
        "Called": "+15550107777",
        "ForwardedFrom": "+15550108000",
        "Direction": "inbound",
        "CallStatus": "ringing",
        "StirVerstat": "TN-Validation-Passed-A",
    }

    assert webhook.incoming_call(form) == IncomingCall(
        call_sid=SID,
        account_sid="AC1",
        from_number="+15550100001",
        to_number="+15550109999",
        forwarded_from="+15550108000",
        is_outbound=False,
        call_status="ringing",
    )


def test_a_call_of_which_only_the_sid_is_known():
    assert webhook.incoming_call({"CallSid": SID}) == IncomingCall(SID, "", "", "", "", False, "")


def test_the_number_called_may_stand_under_its_second_name():
    assert webhook.incoming_call({"CallSid": SID, "Called": "+15550109999"}).to_number == "+15550109999"


@pytest.mark.parametrize(
    ("direction", "is_outbound"), [("inbound", False), ("outbound-api", True), ("outbound-dial", True), ("", False)]
)
def test_calls_of_ours_are_told_by_their_direction(direction, is_outbound):
    assert webhook.incoming_call({"CallSid": SID, "Direction": direction}).is_outbound is is_outbound


@pytest.mark.parametrize("call_sid", ["", "C" * 65, "CA\n1", "CA\x001", "CA\ud800"])
def test_a_form_without_a_usable_call_sid_is_malformed(call_sid):
    for parse in (webhook.incoming_call, webhook.status_change, webhook.stream_status, webhook.recording):
        with pytest.raises(Malformed):
            parse({"CallSid": call_sid})
    with pytest.raises(Malformed):
        webhook.incoming_call({})


def test_control_characters_and_length_are_cut():
    call = webhook.incoming_call({"CallSid": SID, "From": " \x00+1555\n" + "9" * 100})

    assert call.from_number == ("+1555" + "9" * 100)[:64]


@pytest.mark.parametrize(
    ("fields", "failure"),
    [
        ({}, None),
        ({"ErrorCode": "", "ErrorUrl": ""}, None),
        ({"ErrorCode": "11200"}, Failure(error_code="11200", address="")),
        ({"ErrorUrl": "https://h/twilio/after"}, Failure(error_code="", address="after")),
        (
            {"ErrorCode": "11205", "ErrorUrl": "https://h/twilio/dial-done/?From=%2B15550100001"},
            Failure(error_code="11205", address="dial-done"),
        ),
        ({"ErrorUrl": "https://[broken"}, Failure(error_code="", address="")),
    ],
)
def test_a_request_to_the_fallback_address_says_what_failed(fields, failure):
    assert webhook.failure({"CallSid": SID} | fields) == failure


def test_the_outcome_of_a_dial():
    assert webhook.dial_outcome({"DialCallStatus": "No-Answer"}) == DialOutcome("no-answer", None)
    assert webhook.dial_outcome({"DialCallStatus": "completed", "DialCallDuration": "31"}) == DialOutcome(
        "completed", 31
    )
    assert webhook.dial_outcome({}) == DialOutcome("", None)


def test_a_status_callback():
    form = {"CallSid": SID, "CallStatus": "completed", "SequenceNumber": "3", "CallDuration": "42"}

    assert webhook.status_change(form) == StatusChange(SID, "completed", 3, 42)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "²", "٣", "9" * 30, "x"])
def test_what_is_no_count_is_none(text):
    assert webhook.status_change({"CallSid": SID, "SequenceNumber": text}).sequence is None


def test_a_stream_status_callback():
    form = {"CallSid": SID, "StreamSid": "MZ1", "StreamEvent": "stream-error", "StreamError": "handshake\n" + "x" * 600}

    assert webhook.stream_status(form) == StreamStatus(SID, "MZ1", "stream-error", ("handshake" + "x" * 600)[:500])


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.twilio.com/rec/RE1", "https://api.twilio.com/rec/RE1"),
        ("javascript:alert(1)", ""),
        ("https://h/" + "x" * 600, ""),
        ("", ""),
    ],
)
def test_a_recording_keeps_only_an_address_that_can_be_opened(url, kept):
    form = {"CallSid": SID, "RecordingSid": "RE1", "RecordingUrl": url, "RecordingDuration": "7"}

    assert webhook.recording(form) == Recording(SID, "RE1", kept, 7, "")


@given(st.dictionaries(st.sampled_from(["CallSid", "From", "ErrorUrl", "RecordingUrl", "SequenceNumber"]), st.text()))
def test_no_form_raises_anything_but_malformed(form):
    for parse in (
        webhook.incoming_call,
        webhook.failure,
        webhook.dial_outcome,
        webhook.status_change,
        webhook.recording,
    ):
        try:
            parse(form)
        except Malformed:
            assert parse not in (webhook.failure, webhook.dial_outcome)


# The people we ring


@pytest.mark.parametrize(
    ("form", "is_bridged"),
    [({"DialBridged": "true"}, True), ({"DialBridged": "false"}, False), ({}, None), ({"DialBridged": "maybe"}, None)],
)
def test_whether_two_have_spoken_is_known_or_not(form, is_bridged):
    assert webhook.dial_outcome({"DialCallStatus": "completed"} | form).is_bridged is is_bridged


def test_a_person_who_was_rung_presses_keys_or_none_yet():
    assert webhook.pressed({"CallSid": "CA1"}) == webhook.Pressed(call_sid="CA1", digits="")
    assert webhook.pressed({"CallSid": "CA1", "Digits": "1"}).digits == "1"


def test_who_has_picked_up_is_told():
    told = webhook.machine_detection({"CallSid": "CA1", "AnsweredBy": "Machine_End_Beep"})

    assert told == webhook.MachineDetection(call_sid="CA1", answered_by="machine_end_beep")


def test_a_text_message_has_a_sid_of_its_own():
    form = {"SmsSid": "SM1", "MessageStatus": "Undelivered", "ErrorCode": "30034"}

    assert webhook.message_status(form) == webhook.MessageStatus("SM1", "undelivered", "30034")
    with pytest.raises(webhook.Malformed):
        webhook.message_status({"MessageStatus": "sent"})


@pytest.mark.parametrize(
    ("query", "row"), [({"attempt": "7"}, 7), ({"attempt": "x"}, None), ({}, None), ({"attempt": "9" * 12}, None)]
)
def test_the_row_that_an_address_names_is_read(query, row):
    assert webhook.row_id(query, "attempt") == row
