"""Two telephones ring for one emergency, one person takes it: what becomes of the other, at Twilio and in the rows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from calls import telephone
from calls.domain import by_hand, emergencies, escalation, outside
from calls.emulators import twilio_api
from calls.emulators.phone import Callee
from calls.lab import scratch
from calls.lab.processes import free_port
from calls.models import Emergency
from tests import factories
from tests.journeys.conftest import running_station
from tests.journeys.test_reaching_people import RATE, twilio, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, SECOND = "+15550107001", "+15550107002"
TAKEN = "Thank you. Somebody else has taken this emergency already. Goodbye."


@pytest.fixture(scope="module")
def api_port():
    return free_port()


@pytest.fixture(scope="module")
def station(django_db_setup, tmp_path_factory, api_port):
    folder = tmp_path_factory.mktemp("taken")
    with running_station(folder, RATE, TWILIO_API_BASE_URL=f"http://127.0.0.1:{api_port}") as station:
        yield station


@pytest.fixture
def ours(station, api_port, settings):
    """This process rings over the same interface as the server does; it plays the worker and the owner."""
    settings.TWILIO_AUTH_TOKENS, settings.TWILIO_ACCOUNT_SID = [station.token], scratch.ACCOUNT_SID
    settings.TWILIO_API_BASE_URL, settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{api_port}", scratch.PUBLIC_URL
    outside.configure(stop_ringing=telephone.stop_ringing_at_once)


@pytest.fixture
def emergency(line, ours):
    for rank, number in enumerate((FIRST, SECOND), 1):
        technician = line.business.technicians.create(name=f"Mike {rank}", number=number)
        line.business.rota.create(technician=technician, rank=rank)
    call = factories.make_call(line=line)
    return emergencies.report(call_id=call.pk, kind="gas", description="A smell of gas.", now=timezone.now())


def person(**callee):
    return twilio_api.Person(callee=Callee(**{"ring_ms": 500, "talk_ms": 0, "presses": ""} | callee))


def ring_next(emergency, after):
    now = timezone.now() + timedelta(seconds=after)
    return escalation.escalate(emergency_id=emergency.pk, telephone=telephone.telephone(), now=now)


def results(emergency):
    return list(emergency.alerts.values_list("result", flat=True))


def test_when_the_next_one_accepts_the_first_telephone_stops_ringing(station, emergency, api_port):
    people = {FIRST: person(ring_ms=28_000), SECOND: person(presses="1")}
    with twilio(station, api_port, people=people) as api:
        ring_next(emergency, 0)
        [first] = api.calls.values()
        wait_for(lambda: first.status == "ringing")
        ring_next(emergency, 60)
        wait_for(lambda: results(emergency) == ["not_needed", "accepted"])
        wait_for(lambda: first.is_over)

    assert (first.status, Emergency.objects.get().accepted_by.number) == ("canceled", SECOND)
    assert (first.ended_at - first.started_at).total_seconds() < 28 / RATE


def test_who_listens_to_the_alarm_when_another_accepts_hears_that_it_is_taken(station, emergency, api_port):
    said = []
    people = {FIRST: person(ring_ms=100), SECOND: person(ring_ms=100, presses="1")}
    events = {"on_event": lambda kind, detail: said.append(detail) if kind == "said" else None}
    with twilio(station, api_port, people=people, **events) as api:
        ring_next(emergency, 0)
        [first] = api.calls.values()
        wait_for(lambda: first.status == "in-progress")
        ring_next(emergency, 60)
        wait_for(lambda: first.is_over)
        wait_for(lambda: results(emergency) == ["not_needed", "accepted"])

    assert first.result.verbs == ["Gather", "Say", "Say", "Hangup"]
    assert said.count(TAKEN) == 1


def test_the_owner_who_takes_it_in_the_admin_stops_the_ring_and_nobody_else_is_rung(station, emergency, api_port):
    people = {FIRST: person(ring_ms=28_000), SECOND: person(presses="1")}
    with twilio(station, api_port, people=people) as api:
        ring_next(emergency, 0)
        [first] = api.calls.values()
        wait_for(lambda: first.status == "ringing")
        by_hand.take_emergency(emergency=emergency, now=timezone.now())
        wait_for(lambda: first.is_over)
        wait_for(lambda: results(emergency) == ["not_needed"])
        assert ring_next(emergency, 60) is None

        assert [record.order.to for record in api.calls.values()] == [FIRST]
