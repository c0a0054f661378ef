"""The health of the line in the admin: what was found and when, on the first page too, and a button to look again."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from calls.doctor import runner
from calls.doctor.findings import FAIL, OK, SKIPPED, WARN, Finding
from calls.models import DoctorRun
from calls.views import diagnostics
from calls.views.diagnostics import Allowance
from tests import factories
from tests.admin.pages import address, cells, said, text_of, words

LOOK = reverse("admin:calls_doctorrun_look")
INDEX = reverse("admin:index")
FOUND = [
    Finding("port", OK, "Who owns the port", "port 8000 is ours", ms=3),
    Finding("line", WARN, "A line", "one <b>", "Handed over.", "Choose an agent."),
    Finding(
        "openai", FAIL, "OpenAI", "no key", "Nobody speaks.", "Make a key at https://platform.openai.com/api-keys."
    ),
    Finding("upgrade", SKIPPED, "Upgrade", "needs webhook, which did not succeed"),
]


def make_run(*findings, ago=timedelta(0), **fields):
    given = {"took_ms": 640, "source": "command", "is_complete": True, "result": 2, "summary": "1 well, 1 failed."}
    rows = [finding.as_dict() for finding in findings]
    return DoctorRun.objects.create(began_at=timezone.now() - ago, findings=rows, **given | fields)


@pytest.fixture
def watcher(client, db):
    client.force_login(factories.make_staff("calls.view_doctorrun"))
    return client


@pytest.fixture
def looked(monkeypatch):
    """What the button asked of the doctor, which finds FOUND."""
    asked = []

    async def diagnose(site, ids):
        asked.append((site, ids))
        for finding in FOUND:
            yield finding

    monkeypatch.setattr(runner, "diagnose", diagnose)
    monkeypatch.setattr(diagnostics, "allowance", Allowance())
    return asked


def health(client):
    found = re.search(r'<section class="health".*?</section>', client.get(INDEX).content.decode(), re.DOTALL)
    return words(found.group()) if found else ""


def test_the_list_shows_when_what_and_by_whom(watcher, time_machine):
    time_machine.move_to("2026-11-20T15:04:00Z", tick=False)
    make_run(*FOUND)
    make_run(result=0, summary="3 well.", source="page", is_complete=False, took_ms=12_300, ago=timedelta(hours=1))

    assert cells(watcher.get(address("doctorrun"))) == [
        ["Nov 20, 3:04 PM", "Failed", "1 well, 1 failed.", "manage.py doctor everything", "0.6 s"],
        ["Nov 20, 2:04 PM", "All well", "3 well.", "Diagnostic page a part", "12.3 s"],
    ]


def test_the_page_of_a_run_puts_what_is_wrong_first_and_links_the_remedy(watcher):
    run = make_run(*FOUND)

    page = watcher.get(address("doctorrun", "change", run.pk))

    text = text_of(page)
    order = [text.index(finding.title) for finding in (FOUND[2], FOUND[1], FOUND[0], FOUND[3])]
    assert order == sorted(order)
    assert (
        "FAIL OpenAI openai no key Nobody speaks. Remedy Make a key at https://platform.openai.com/api-keys ." in text
    )
    assert "1 well, 1 skipped OK Who owns the port port port 8000 is ours 3 ms" in text
    shown = page.content.decode()
    assert '<a href="https://platform.openai.com/api-keys">https://platform.openai.com/api-keys</a>.' in shown
    assert "one &lt;b&gt;" in shown
    assert 'name="_save"' not in shown


@pytest.mark.django_db(transaction=True)
def test_the_button_looks_at_everything_and_leads_to_what_was_found(client, looked, settings):
    client.force_login(factories.make_staff("calls.view_doctorrun"))

    answer = client.post(LOOK, {"url": "http://evil.example", "public_base_url": "http://evil.example"})

    run = DoctorRun.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, address("doctorrun", "change", run.pk))
    assert (run.source, run.result, run.is_complete) == ("admin", DoctorRun.Result.FAILURES, True)
    ((site, ids),) = looked
    assert (site == type(site).from_settings(settings, serving=True), ids) == (True, None)


@pytest.mark.django_db(transaction=True)
def test_a_run_that_could_not_be_kept_says_what_is_wrong(client, looked, monkeypatch):
    client.force_login(factories.make_staff("calls.view_doctorrun"))
    broken = Finding("database", FAIL, "Database", "not applied: calls.0013", "Nothing is kept.", "Type: migrate.")
    monkeypatch.setattr("tests.admin.test_doctor.FOUND", [broken])

    answer = client.post(LOOK)

    assert said(answer) == ["Not kept. not applied: calls.0013 Type: migrate."]
    assert answer["Location"] == address("doctorrun")


def test_looking_too_often_is_put_off(watcher, looked, monkeypatch):
    allowance = Allowance(1)
    allowance.take()
    monkeypatch.setattr(diagnostics, "allowance", allowance)

    answer = watcher.post(LOOK)

    assert [text.startswith("A diagnosis is running, or there were too many.") for text in said(answer)] == [True]
    assert (answer["Location"], looked) == (address("doctorrun"), [])


def test_nothing_is_looked_at_by_following_a_link(watcher, looked):
    assert (watcher.get(LOOK).status_code, looked) == (405, [])


def test_staff_without_the_right_see_no_runs_and_look_at_nothing(clerk, looked):
    run = make_run(*FOUND)
    pages = [address("doctorrun"), address("doctorrun", "change", run.pk)]

    assert [clerk.get(page).status_code for page in pages] == [403, 403]
    assert (clerk.post(LOOK).status_code, looked, health(clerk)) == (403, [], "")


def test_nobody_writes_changes_or_deletes_a_run(owner):
    run = make_run(*FOUND)

    assert owner.get(address("doctorrun", "add")).status_code == 403
    assert owner.post(address("doctorrun", "delete", run.pk)).status_code == 403
    assert owner.post(address("doctorrun", "change", run.pk), {"summary": "x"}).status_code == 403


def test_the_first_page_tells_the_newest_state_and_where_to_begin(watcher, time_machine):
    time_machine.move_to("2026-11-20T15:04:00Z", tick=False)
    assert health(watcher) == "The line Nobody has looked yet whether a call would get through. Look now"

    make_run(*FOUND, ago=timedelta(hours=30))
    assert health(watcher) == (
        "The line Failed 1 well, 1 to look at, 1 failed, 1 skipped. Looked at Nov 19, 9:04 AM, more than a day ago. "
        "FAIL OpenAI no key Make a key at https://platform.openai.com/api-keys. "
        "WARN A line one <b> Choose an agent. Look now"
    )

    mended = [Finding(one.id, OK, one.title, "well") for one in FOUND[1:3]]
    make_run(*mended, is_complete=False)
    assert health(watcher) == "The line All well 3 well, 1 skipped. Looked at Nov 20, 3:04 PM. Look now"


def test_the_first_page_shows_no_more_than_three_troubles(watcher):
    make_run(*(Finding(f"check-{number}", FAIL, "Check", "seen", "", "Do it.") for number in range(5)))

    assert health(watcher).count("FAIL") == 3


def test_the_list_costs_as_many_questions_for_many_runs(watcher, django_assert_max_num_queries):
    for _ in range(60):
        make_run(*FOUND)

    with django_assert_max_num_queries(8) as captured:
        watcher.get(address("doctorrun"))

    assert not any('"calls_doctorrun"."findings"' in query["sql"] for query in captured.captured_queries)
