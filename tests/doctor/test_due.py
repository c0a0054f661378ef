"""Does a worker do what is due, and does an emergency wait for a telephone that cannot ring?"""

from datetime import timedelta

import pytest
from django.utils import timezone

from calls import database, tasks
from calls.doctor.runner import diagnose
from calls.doctor.site import Site
from calls.models import Callback, Emergency, EmergencyAlert, OutgoingEmail, OutgoingMessage, WorkerPulse
from tests import factories, factories_trade

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

ALL = [duty.queue for duty in tasks.DUTIES]


async def found(check, id=None, **site):
    (finding,) = [f async for f in diagnose(Site(**site), [check]) if f.id == (id or check)]
    return finding


async def beat(*, ago=timedelta(0), queues=ALL):
    at = timezone.now() - ago
    await database.run(
        WorkerPulse.objects.create, worker_id=f"w{ago}", host="h", pid=7, queues=queues, started_at=at, beat_at=at
    )


def write_letter(business, age, **fields):
    at = timezone.now() - age
    return OutgoingEmail.objects.create(
        business=business, purpose="quote", key=f"k{age}", to="a@example.org", written_at=at, due_at=at, **fields
    )


async def test_a_worker_that_lives_and_has_nothing_to_do_is_well():
    await beat()

    finding = await found("worker")

    assert (finding.level.value, finding.seen) == ("OK", "a worker lives, nothing waits")


async def test_no_worker_is_a_warning_before_anything_waits():
    finding = await found("worker")

    assert (finding.level.value, finding.seen) == ("WARN", "no worker lives; nothing waits yet")
    assert finding.remedy.startswith("Start the server with: python manage.py serve --worker")


async def test_a_worker_that_was_killed_is_told_with_the_time_it_was_seen_last():
    await beat(ago=timedelta(hours=1))

    assert "no worker lives; one was seen last at 20" in (await found("worker")).seen


async def test_what_waits_without_a_worker_is_a_failure():
    business = await database.run(factories.make_business)
    for minutes in (3, 4):
        await database.run(write_letter, business, timedelta(minutes=minutes))
    await database.run(promise_to_call, business)

    finding = await found("worker")

    assert finding.level.value == "FAIL"
    assert finding.seen == "no worker lives; waiting longer than 2 minutes: 1 callback, 2 e-mails"


def promise_to_call(business):
    now = timezone.now()
    words = {"number": "+12125550123", "reason": "x", "consent": "Yes."}
    asked = {"asked_at": now - timedelta(days=1), "due_at": now - timedelta(hours=1)}
    Callback.objects.create(business=business, **words, **asked)


async def test_a_promise_that_cannot_be_kept_without_credentials_is_a_failure(settings):
    settings.TWILIO_ACCOUNT_SID = ""
    await database.run(promise_to_call, await database.run(factories.make_business))
    await beat()

    finding = await found("worker")

    assert (finding.level.value, finding.seen.endswith("TWILIO_AUTH_TOKEN: 1 callback")) == ("FAIL", True)


async def test_without_credentials_nobody_is_rung_for_an_emergency(settings):
    settings.TWILIO_AUTH_TOKENS = []

    finding = await found("emergencies", "emergencies.rota")

    assert (finding.level.value, finding.seen) == (
        "WARN",
        "nobody: no call can be placed without Twilio's credentials",
    )


async def test_what_is_due_just_now_or_in_hand_does_not_wait():
    business = await database.run(factories.make_business)
    await database.run(write_letter, business, timedelta(minutes=1))
    await database.run(
        write_letter, business, timedelta(minutes=5), claimed_until=timezone.now() + timedelta(minutes=1)
    )
    await database.run(
        Emergency.objects.create, business=business, raised_by="tool", kind="gas", raised_at=timezone.now()
    )
    await beat()

    assert (await found("worker")).level.value == "OK"


async def test_a_worker_that_does_not_keep_up_is_a_warning():
    business = await database.run(factories.make_business)
    await database.run(write_letter, business, timedelta(minutes=3))
    await beat()

    finding = await found("worker")

    assert (finding.level.value, finding.seen) == (
        "WARN",
        "a worker lives; waiting longer than 2 minutes all the same: 1 e-mail",
    )


async def test_work_that_no_living_worker_sees_to_is_a_warning():
    await beat(queues=["send_emails", "send_messages"])

    finding = await found("worker")

    assert (finding.level.value, finding.seen) == ("WARN", "no living worker sees to: emergency, callback")


def make_emergency(**fields):
    business = factories.make_business()
    factories.make_line(business=business)
    given = {"raised_by": "tool", "kind": "gas", "raised_at": timezone.now() - timedelta(minutes=10)}
    return Emergency.objects.create(business=business, **given | fields)


def ring(emergency, position, result):
    EmergencyAlert.objects.create(
        emergency=emergency, number="+12125550100", position=position, rang_at=timezone.now(), result=result
    )


@pytest.mark.parametrize(
    ("code", "why", "remedy"),
    [
        ("not_sent", "Twilio is not reached", "Let this machine reach https://api.twilio.com on port 443."),
        (
            "20003",
            "Twilio's error 20003",
            "Copy Account SID and Auth Token from https://console.twilio.com into TWILIO_",
        ),
        ("20005", "Twilio's error 20005", "Look the error up at https://www.twilio.com/docs/api/errors"),
    ],
)
async def test_an_emergency_that_waits_because_no_call_can_be_placed_is_a_failure(code, why, remedy):
    emergency = await database.run(make_emergency)
    await database.run(ring, emergency, 1, "no-answer")
    await database.run(ring, emergency, 2, f"not_placed: {code}")

    finding = await found("emergencies", "emergencies.waiting", public_base_url="https://h")

    assert (finding.level.value, finding.seen) == ("FAIL", f"1 of 1 open: no call can be placed ({why})")
    assert finding.remedy.startswith(remedy)
    assert finding.remedy.endswith("The caller's number: https://h/admin/calls/emergency/")


async def test_an_emergency_for_which_nobody_is_rung_at_all_is_a_failure():
    await database.run(make_emergency)

    finding = await found("emergencies", "emergencies.waiting")

    assert (finding.level.value, finding.seen) == ("FAIL", "1 of 1 open: nobody was rung within 2 minutes")


async def test_an_emergency_for_which_somebody_is_being_rung_is_well():
    emergency = await database.run(make_emergency)
    await database.run(ring, emergency, 1, "not_placed: not_sent")
    await database.run(ring, emergency, 2, "")
    await database.run(make_emergency, raised_at=timezone.now())

    finding = await found("emergencies", "emergencies.waiting")

    assert (finding.level.value, finding.seen) == ("OK", "2 open, somebody is being rung")


async def test_a_business_that_would_ring_nobody_for_an_emergency_is_a_warning():
    business = await database.run(factories.make_business, handover_number="")
    before = await found("emergencies", "emergencies.rota")
    await database.run(factories.make_line, business=business)
    alone = await found("emergencies", "emergencies.rota")
    await database.run(on_call, business)

    assert [before.level.value, alone.level.value] == ["OK", "WARN"]
    assert alone.seen == "nobody today for Cedar Plumbing"
    assert (await found("emergencies", "emergencies.rota")).level.value == "OK"


async def test_a_time_zone_that_does_not_exist_hides_no_emergency():
    unknown = await database.run(factories.make_business, handover_number="", time_zone="Mars/Base")
    await database.run(factories.make_line, business=unknown)

    assert (await found("emergencies", "emergencies.rota")).level.value == "OK"
    assert (await found("emergencies", "emergencies.waiting")).level.value == "OK"


def on_call(business):
    technician = factories_trade.make_technician(business=business, number="+12125550188")
    business.rota.create(technician=technician)


async def test_emergencies_that_reached_nobody_and_alerts_that_did_not_arrive_are_a_warning():
    call = await database.run(factories.make_call)
    now = timezone.now()
    about = {"business": call.business, "call": call}
    await database.run(
        Emergency.objects.create, **about, raised_by="tool", kind="gas", status="unanswered", raised_at=now
    )
    letter = {"purpose": "emergency", "body": "x", "to": "+15550100001", "written_at": now, "due_at": now}
    await database.run(OutgoingMessage.objects.create, **about, **letter, key="k", status="failed")

    [finding] = [f async for f in diagnose(Site(), ["emergencies"]) if f.id == "emergencies"]

    assert (finding.level.value, finding.seen) == (
        "WARN",
        "1 that nobody accepted, 1 alerts not delivered, in the last week",
    )


async def test_a_week_without_emergencies_is_well():
    [finding] = [f async for f in diagnose(Site(), ["emergencies"]) if f.id == "emergencies"]

    assert finding.level.value == "OK"
