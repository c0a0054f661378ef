"""The demonstration's rows, and the command that loads them."""

import json
from io import StringIO

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command

from calls.domain import demo
from calls.emulators import scenario
from calls.models import Agent, Business, PhoneLine
from tests import factories

pytestmark = pytest.mark.django_db


def loaded(*arguments):
    output = StringIO()
    call_command("load_demo", *arguments, stdout=output)
    return output.getvalue()


def test_the_line_is_the_one_that_the_scripted_caller_rings():
    assert scenario.find("demo").caller.to == demo.LINE_NUMBER


def test_the_demonstration_passes_the_validation_of_the_admin():
    made = demo.load_demo()

    for row in (made.business, made.agent, made.line):
        row.full_clean()
    assert (made.agent.business, made.line.business, made.line.agent) == (made.business, made.business, made.agent)


def test_loading_twice_makes_one_of_each_and_one_login():
    first, second = demo.load_demo(), demo.load_demo()

    rows = [Business, Agent, PhoneLine, get_user_model()]
    assert [model.objects.count() for model in rows] == [1, 1, 1, 1]
    assert (second.business, second.agent, second.line) == (first.business, first.agent, first.line)
    assert (second.username, second.password) == (None, None)


def test_what_was_edited_stays():
    demo.load_demo()
    Business.objects.update(name="Bluebird Plumbing", handover_number="")
    Agent.objects.update(voice="cedar")

    again = demo.load_demo()

    assert (again.business.name, again.business.handover_number, again.agent.voice) == (
        "Bluebird Plumbing",
        "",
        "cedar",
    )


def test_a_line_that_lost_its_agent_gets_one_back():
    demo.load_demo()
    Agent.objects.all().delete()

    again = demo.load_demo()

    assert PhoneLine.objects.get().agent == again.agent


def test_the_new_login_is_staff_and_its_password_works():
    made = demo.load_demo()

    user = authenticate(username=made.username, password=made.password)
    assert (user.username, user.is_staff, user.is_superuser) == ("admin", True, True)


def test_no_login_is_made_where_somebody_can_log_in_already():
    factories.make_staff()

    assert demo.load_demo().password is None


def test_the_command_says_the_password_once():
    first, second = loaded(), loaded()

    assert "Staff login (shown only this once): admin / " in first
    assert "admin /" not in second
    assert "There is a staff login already" in second


def test_the_command_prints_one_json_object():
    first, second = json.loads(loaded("--json")), json.loads(loaded("--json"))

    assert first["login"]["username"] == "admin"
    assert authenticate(**first["login"]) is not None
    assert second == {
        "business": {"id": Business.objects.get().pk, "name": "Cedar Plumbing"},
        "agent": {"id": Agent.objects.get().pk, "name": "Cortana"},
        "line": {"id": PhoneLine.objects.get().pk, "number": "+15550109999"},
        "handover_number": "+15550108000",
        "login": None,
    }
