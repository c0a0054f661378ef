"""Letters are written once, sent by one worker, tried again, and never given up in silence."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from calls.domain import outbox
from calls.domain.outbox import NotSent
from calls.models import OutgoingEmail, OutgoingMessage
from tests.factories import RANG_AT, make_business, make_call

pytestmark = pytest.mark.django_db


def write(key="quote:A1", **fields):
    business = fields.pop("business", None) or make_business()
    standing = {
        "business_id": business.pk,
        "call_id": None,
        "purpose": "quote",
        "to": "robert@example.com",
        "subject": "Your quote",
        "body": "It costs 89 dollars.",
        "now": RANG_AT,
    }
    return outbox.write_email(key=key, **standing | fields)


def write_text(key="booking:A1"):
    return outbox.write_message(
        business_id=make_business().pk,
        call_id=None,
        purpose="booking",
        key=key,
        to="+15550100001",
        body="See you on Tuesday.",
        now=RANG_AT,
    )


class Post:
    """A mail server that takes everything but what `refuses` says."""

    def __init__(self, refuses=None):
        self.refuses = refuses
        self.asked = []

    def __call__(self, letter):
        self.asked.append(letter.key)
        if self.refuses:
            raise self.refuses
        return "SM" + "1" * 32


def send(post, now=RANG_AT):
    tried = [outbox.send_email(email_id=pk, send=post, now=now) for pk in outbox.due_emails(now=now, most=99)]
    return [(a.letter.key, a.is_sent, a.is_given_up, a.reason) for a in tried if a]


def send_texts(post, now=RANG_AT, **more):
    due = outbox.due_messages(now=now, most=99)
    tried = [outbox.send_message(message_id=pk, send=post, now=now, **more) for pk in due]
    return [(a.letter.key, a.is_sent) for a in tried if a]


def test_the_same_key_is_the_same_letter():
    first = write()
    again = write(business=first.business, body="Something else.")

    assert (again.pk, again.body, OutgoingEmail.objects.count()) == (first.pk, "It costs 89 dollars.", 1)


def test_a_subject_is_one_line():
    assert write(subject="Your quote\r\nBcc: everybody@example.com").subject == "Your quote Bcc: everybody@example.com"


def test_a_letter_keeps_whose_it_is():
    call = make_call()
    email = write(business=call.business, call_id=call.pk)

    assert (email.business, email.call, email.status, email.due_at) == (call.business, call, "queued", RANG_AT)


def test_what_is_due_is_sent_once():
    write()
    post = Post()

    assert (send(post), send(post)) == ([("quote:A1", True, False, "")], [])
    assert post.asked == ["quote:A1"]
    row = OutgoingEmail.objects.get()
    assert (row.status, row.sent_at, row.attempts, row.claimed_until) == ("sent", RANG_AT, 1, None)


def test_what_is_not_due_yet_waits():
    write(now=RANG_AT + timedelta(seconds=1))

    assert send(Post()) == []
    assert outbox.send_email(email_id=OutgoingEmail.objects.get().pk, send=Post(), now=RANG_AT) is None


def test_a_letter_that_is_refused_is_tried_again_at_growing_intervals_and_then_given_up():
    write()
    post = Post(NotSent("The mail server is down."))
    now, waits = RANG_AT, []
    while OutgoingEmail.objects.get().status == "queued":
        assert len(send(post, now)) == 1
        waits.append(OutgoingEmail.objects.get().due_at - now)
        assert send(post, now) == []
        now = OutgoingEmail.objects.get().due_at

    row = OutgoingEmail.objects.get()
    assert waits[:-1] == outbox.RETRY_AFTER == sorted(outbox.RETRY_AFTER)
    assert (len(post.asked), row.status, row.error) == (outbox.MOST_ATTEMPTS, "failed", "The mail server is down.")


def test_a_server_that_fails_three_times_gets_one_letter_in_the_end():
    write()
    post, now = Post(NotSent("later")), RANG_AT
    for _ in range(3):
        send(post, now)
        now = OutgoingEmail.objects.get().due_at
    post.refuses = None

    assert send(post, now) == [("quote:A1", True, False, "")]
    assert OutgoingEmail.objects.values_list("status", "attempts", "error").get() == ("sent", 4, "")


def test_a_refusal_for_good_is_not_tried_again():
    write()

    assert send(Post(NotSent("No such mailbox.", permanent=True))) == [("quote:A1", False, True, "No such mailbox.")]
    assert OutgoingEmail.objects.get().status == "failed"


def test_a_letter_that_was_given_up_can_be_sent_again_by_a_person():
    write()
    send(Post(NotSent("No such mailbox.", permanent=True)))

    outbox.send_again(letter=OutgoingEmail.objects.get(), now=RANG_AT)

    assert send(Post()) == [("quote:A1", True, False, "")]


def test_a_letter_that_was_sent_is_not_sent_again_by_a_person_either():
    write()
    send(Post())

    outbox.send_again(letter=OutgoingEmail.objects.get(), now=RANG_AT)

    assert send(Post()) == []


class Killed(BaseException):
    """The process ends here."""


def kill(letter):
    raise Killed


def test_a_letter_whose_worker_died_is_free_again_when_the_lease_is_over():
    write()
    with pytest.raises(Killed):
        send(kill)

    assert send(Post(), RANG_AT + outbox.LEASE - timedelta(seconds=1)) == []
    assert send(Post(), RANG_AT + outbox.LEASE) == [("quote:A1", True, False, "")]


def test_a_letter_that_kills_every_worker_is_given_up():
    write()
    now = RANG_AT
    for _ in range(outbox.MOST_ATTEMPTS):
        with pytest.raises(Killed):
            send(kill, now)
        now += outbox.LEASE

    assert send(Post(), now) == [("quote:A1", False, True, outbox.CUT_OFF)]
    assert OutgoingEmail.objects.values_list("status", "error").get() == ("failed", outbox.CUT_OFF)


def test_a_worker_whose_lease_ran_out_does_not_write_over_its_successor():
    write()

    def slow(letter):
        send(Post(), RANG_AT + outbox.LEASE)
        raise NotSent("too late")

    send(slow)

    assert OutgoingEmail.objects.values_list("status", "attempts", "error").get() == ("sent", 2, "")


def test_a_letter_has_left_before_its_lease_is_over():
    steps_of_smtp = 8

    assert timedelta(seconds=outbox.STEP_SECONDS * steps_of_smtp) < outbox.LEASE


def test_the_oldest_letters_are_due_first_and_no_more_than_were_asked_for():
    business = make_business()
    letters = [write(f"quote:{age}", business=business, now=RANG_AT - timedelta(minutes=age)) for age in range(3)]

    assert outbox.due_emails(now=RANG_AT, most=2) == [letters[2].pk, letters[1].pk]


def test_a_text_message_keeps_its_sid():
    write_text()

    assert send_texts(Post()) == [("booking:A1", True)]
    assert OutgoingMessage.objects.get().message_sid == "SM" + "1" * 32


def test_a_text_message_keeps_the_code_with_which_it_was_refused():
    write_text()

    send_texts(Post(NotSent("The number has written STOP.", permanent=True, code="21610")))

    row = OutgoingMessage.objects.get()
    assert (row.status, row.error, row.error_code) == ("failed", "The number has written STOP.", "21610")


def test_a_text_message_that_left_before_the_worker_died_is_found_and_not_sent_again():
    write_text()
    with pytest.raises(Killed):
        send_texts(kill)
    post = Post()

    assert send_texts(post, RANG_AT + outbox.LEASE, find=lambda message: "SM" + "2" * 32) == [("booking:A1", True)]
    assert (post.asked, OutgoingMessage.objects.get().message_sid) == ([], "SM" + "2" * 32)


def test_a_text_message_that_cannot_be_found_is_sent():
    write_text()
    with pytest.raises(Killed):
        send_texts(kill)
    post = Post()

    assert send_texts(post, RANG_AT + outbox.LEASE, find=lambda message: None) == [("booking:A1", True)]
    assert post.asked == ["booking:A1"]


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_each_letter_is_sent_by_one():
    business = make_business()
    for number in range(12):
        write(f"quote:{number}", business=business)
    post, together = Post(), threading.Barrier(4)

    def work():
        together.wait()
        try:
            while send(post):
                pass
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(post.asked) == sorted(f"quote:{number}" for number in range(12))
