import asyncio
import json

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from calls import database
from calls.doctor import introduction, runner
from calls.doctor.findings import FAIL, OK, WARN, Finding
from calls.models import DoctorRun
from calls.realtime.reasons import Reason
from calls.relay import breaker, live
from calls.relay.breaker import Address
from calls.views import diagnostics, insiders
from calls.views.diagnostics import Allowance
from calls.views.insiders import Guesses

pytestmark = pytest.mark.asyncio
needs_database = pytest.mark.django_db(transaction=True)

TOKEN = "a-long-diagnostic-token"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATHS = ["/twilio/diagnostic", "/diagnostic/openai"]
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def token(settings):
    settings.DIAGNOSTIC_TOKEN = TOKEN


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch):
    monkeypatch.setattr(insiders, "guesses", Guesses())
    monkeypatch.setattr(diagnostics, "_noted", "")


@pytest.fixture
def diagnosed(monkeypatch, transactional_db):
    """What was asked of the doctor; it finds one thing well, one to look at, and one wrong."""
    asked = []

    async def diagnose(site, ids):
        asked.append((site, tuple(ids)))
        yield Finding("port", OK, "Who owns the port", "port 8000 is ours", ms=3)
        yield Finding("line", WARN, "A line", "+15550110001 <b>", "Handed over.", "Choose an agent.")
        yield Finding("webhook", FAIL, "Webhook", "answered 404", "An apology.", "Start the server.")

    monkeypatch.setattr(runner, "diagnose", diagnose)
    monkeypatch.setattr(diagnostics, "allowance", Allowance())
    return asked


@pytest.fixture
def staff(transactional_db):
    return User.objects.create_user("dana", password="a good password", is_staff=True)


async def test_healthz_tells_the_instance_and_does_without_a_database(async_client, settings):
    """Without the mark for it, pytest-django refuses any access to the database."""
    answer = await async_client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "instance": settings.INSTANCE_ID})
    assert "no-cache" in answer["Cache-Control"]


@needs_database
async def test_readyz_is_200_with_every_migration(async_client, token):
    stranger, insider = await async_client.get("/readyz"), await async_client.get("/readyz", headers=BEARER)

    assert (stranger.status_code, stranger.json()) == (200, {"status": "ready"})
    assert (insider.status_code, insider.json()) == (200, {"status": "ready", "missing": []})


@needs_database
async def test_readyz_says_that_openai_refuses_and_stays_ready_for_callers(async_client, settings, token):
    address = Address(settings.OPENAI_REALTIME_URL, settings.OPENAI_API_KEY, "any")
    breaker.failed(address, Reason.QUOTA, breaker.clock(settings.CLOCK_RATE))
    try:
        stranger = await async_client.get("/readyz")
        answer = await async_client.get("/readyz", headers=BEARER)
        doctor = await async_client.get("/readyz", headers=introduction.headers(settings.SECRET_KEY))
    finally:
        breaker.forget()

    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "missing": [], "openai": "quota"})
    assert (stranger.json(), doctor.json()) == ({"status": "ready"}, answer.json())


@needs_database
async def test_readyz_is_503_and_names_the_migration_that_is_missing(async_client, staff, caplog):
    ((app, newest),) = [leaf for leaf in MigrationLoader(None).graph.leaf_nodes() if leaf[0] == "calls"]
    await database.run(MigrationRecorder(connection).record_unapplied, app, newest)
    try:
        strangers = [await async_client.get("/readyz") for _ in range(2)]
        await async_client.aforce_login(staff)
        answer = await async_client.get("/readyz")
    finally:
        await database.run(MigrationRecorder(connection).record_applied, app, newest)

    assert [(one.status_code, one.json()) for one in strangers] == [(503, {"status": "not ready"})] * 2
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "missing": [f"calls.{newest}"]})
    assert [(one.message, one.missing) for one in caplog.records] == [("not ready for calls", f"calls.{newest}")]


async def test_readyz_is_503_while_the_server_shuts_down_and_that_is_no_error(async_client, monkeypatch, caplog, token):
    monkeypatch.setattr(live, "is_draining", True)

    stranger, insider = await async_client.get("/readyz"), await async_client.get("/readyz", headers=BEARER)

    assert (stranger.status_code, stranger.json()) == (503, {"status": "not ready"})
    assert (insider.status_code, insider.json()) == (503, {"status": "draining", "missing": []})
    assert caplog.records == []


async def test_readyz_is_503_without_a_database(async_client, monkeypatch, token):
    def refuse():
        raise OperationalError

    monkeypatch.setattr(diagnostics, "missing_migrations", refuse)

    answer = await async_client.get("/readyz", headers=BEARER)

    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "missing": ["database"]})


@needs_database
async def test_readyz_says_nothing_more_to_whom_it_cannot_know(async_client, settings, token, monkeypatch):
    """A wrong token, an introduction with another key, and a login that cannot be looked up."""

    async def refuse(request):
        raise OperationalError

    others = [{"Authorization": "Bearer wrong"}, introduction.headers("another"), {}]
    monkeypatch.setattr(insiders, "is_staff", refuse)

    answers = [await async_client.get("/readyz", headers=headers) for headers in others]

    assert [answer.json() for answer in answers] == [{"status": "ready"}] * 3


@pytest.mark.parametrize("path", PATHS)
async def test_a_stranger_with_a_browser_is_led_to_the_login(async_client, diagnosed, path):
    answer = await async_client.get(path, headers=BROWSER)

    assert (answer.status_code, answer["Location"], diagnosed) == (302, f"/admin/login/?next={path}", [])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept": "application/json"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer \xe9\xe9"},
        {"Authorization": f"Basic {TOKEN}"},
        {**BROWSER, "Authorization": "Bearer wrong"},
    ],
    ids=["nothing", "json", "wrong", "blank", "foreign", "basic", "browser"],
)
async def test_a_program_without_the_token_gets_403(async_client, diagnosed, token, path, headers):
    answer = await async_client.get(path, headers=headers)

    assert (answer.status_code, list(answer.json()), diagnosed) == (403, ["error"], [])


async def test_no_token_opens_when_none_is_set(async_client, diagnosed):
    answer = await async_client.get(PATHS[0], headers={"Authorization": "Bearer "})

    assert (answer.status_code, diagnosed) == (403, [])


async def test_the_token_in_the_address_opens_nothing(async_client, diagnosed, token):
    answer = await async_client.get(f"{PATHS[0]}?token={TOKEN}&format=json")

    assert (answer.status_code, diagnosed) == (403, [])


async def test_somebody_who_is_no_staff_is_kept_out(async_client, diagnosed):
    user = await database.run(User.objects.create_user, "kim")
    await async_client.aforce_login(user)

    answer = await async_client.get(PATHS[0])

    assert (answer.status_code, diagnosed) == (403, [])


@pytest.mark.parametrize(("path", "ids"), [(PATHS[0], runner.LINE), (PATHS[1], runner.OPENAI)])
async def test_the_token_opens_and_a_program_gets_json(async_client, diagnosed, token, settings, path, ids):
    answer = await async_client.get(path, headers=BEARER)

    report = answer.json()
    assert (answer.status_code, report["exit"]) == (200, 2)
    assert report["summary"] == "1 well, 1 to look at, 1 failed. Begin with webhook: Start the server."
    assert [finding["id"] for finding in report["findings"]] == ["port", "line", "webhook"]
    ((site, asked),) = diagnosed
    assert (asked, site.own_instance, site.public_base_url) == (ids, settings.INSTANCE_ID, settings.PUBLIC_BASE_URL)


async def test_staff_with_a_browser_get_a_page(async_client, diagnosed, staff):
    await async_client.aforce_login(staff)

    answer = await async_client.get(PATHS[0], headers=BROWSER)

    page = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "+15550110001 &lt;b&gt;" in page
    assert "<strong>Remedy</strong> Start the server." in page
    assert [word for word in ("<script", "<style", " style=", " onclick=") if word in page] == []
    assert TOKEN not in page


async def test_staff_get_json_when_they_ask_for_it(async_client, diagnosed, staff):
    await async_client.aforce_login(staff)

    answers = [
        await async_client.get(f"{PATHS[0]}?format=json", headers=BROWSER),
        await async_client.get(PATHS[0], headers={"Accept": "application/json, text/html;q=0.5"}),
    ]

    assert [answer["Content-Type"] for answer in answers] == ["application/json"] * 2


async def test_no_parameter_decides_what_is_asked(async_client, diagnosed, token, settings):
    await async_client.get(f"{PATHS[0]}?url=http://evil.example&host=evil&public_base_url=x", headers=BEARER)

    ((site, _),) = diagnosed
    assert site == type(site).from_settings(settings, serving=True)


async def test_each_diagnosis_is_kept_as_a_look_at_a_part(async_client, diagnosed, token):
    await async_client.get(PATHS[1], headers=BEARER)

    (kept,) = [run async for run in DoctorRun.objects.all()]
    assert (kept.source, kept.is_complete, kept.result) == ("page", False, DoctorRun.Result.FAILURES)
    assert [finding["id"] for finding in kept.findings] == ["port", "line", "webhook"]


async def test_a_post_is_not_taken(async_client, diagnosed, token):
    answer = await async_client.post(PATHS[0], headers=BEARER)

    assert (answer.status_code, diagnosed) == (405, [])


async def test_too_many_diagnoses_are_put_off(async_client, diagnosed, token):
    answers = [await async_client.get(PATHS[0], headers=BEARER) for _ in range(7)]

    assert [answer.status_code for answer in answers] == [200] * 6 + [429]
    assert 55 <= int(answers[-1]["Retry-After"]) <= 60


async def test_strangers_use_up_nothing(async_client, diagnosed, token):
    for _ in range(10):
        await async_client.get(PATHS[0])

    assert (await async_client.get(PATHS[0], headers=BEARER)).status_code == 200


@pytest.mark.parametrize("path", [*PATHS, "/readyz"])
async def test_tokens_are_guessed_ten_times_a_minute_and_then_the_right_one_waits_too(
    async_client, diagnosed, token, path
):
    wrong = [await async_client.get(path, headers={"Authorization": f"Bearer {n}"}) for n in range(10)]
    right = await async_client.get(PATHS[0], headers=BEARER)
    silent = await async_client.get("/readyz", headers=BEARER)
    elsewhere = await async_client.get(PATHS[0], headers=BEARER | {"X-Forwarded-For": "203.0.113.9"})

    assert {answer.status_code for answer in wrong} == {200 if path == "/readyz" else 403}
    assert (right.status_code, silent.json()) == (429, {"status": "ready"})
    assert 55 <= int(right["Retry-After"]) <= 60
    assert elsewhere.status_code == 200


@needs_database
async def test_the_addresses_of_one_network_guess_as_one(async_client, token):
    for n in range(10):
        headers = {"Authorization": f"Bearer {n}", "X-Forwarded-For": f"2001:db8:1:2::{n}"}
        await async_client.get("/readyz", headers=headers)

    neighbor, other = [
        await async_client.get("/readyz", headers=BEARER | {"X-Forwarded-For": address})
        for address in ("2001:db8:1:2:ffff::1", "2001:db8:1:3::1")
    ]

    assert (neighbor.json(), "missing" in other.json()) == ({"status": "ready"}, True)


@needs_database
async def test_a_doctor_of_another_server_guesses_nothing(async_client, token):
    for _ in range(10):
        await async_client.get("/readyz", headers=introduction.headers("another"))

    assert "missing" in (await async_client.get("/readyz", headers=BEARER)).json()


async def test_an_address_may_guess_again_with_time_and_only_so_many_are_remembered(monkeypatch):
    monkeypatch.setattr(insiders, "MOST_ADDRESSES", 2)
    now = [0.0]
    guesses = Guesses(1, seconds=60, clock=lambda: now[0])

    for address in ("first", "second", "third"):
        guesses.was_wrong(address)
    waits = [guesses.wait(address) for address in ("first", "second", "third")]
    now[0] = 60.0

    assert (waits, guesses.wait("third")) == ([0, 60, 60], 0)


async def test_two_at_once_are_one_too_many(async_rf, diagnosed, token, monkeypatch):
    """Asked of the views themselves: the test client sends everything through one thread, which a server does not."""
    going, release = asyncio.Event(), asyncio.Event()

    async def slow(site, ids):
        going.set()
        await release.wait()
        yield Finding("port", OK, "Port", "ours")

    monkeypatch.setattr(runner, "diagnose", slow)
    first = asyncio.create_task(diagnostics.line(async_rf.get(PATHS[0], headers=BEARER)))
    await going.wait()
    second = await diagnostics.openai(async_rf.get(PATHS[1], headers=BEARER))
    release.set()

    assert ((await first).status_code, second.status_code, second["Retry-After"]) == (200, 429, "5")


async def test_an_allowance_grows_again_with_time():
    now = [0.0]
    allowance = Allowance(2, seconds=60, clock=lambda: now[0])

    waits = []
    for now[0] in (0.0, 10.0, 20.0, 59.0, 61.0, 62.0, 71.0):
        waits.append(allowance.take())

    assert waits == [0, 0, 40, 1, 0, 8, 0]


@needs_database
async def test_the_real_doctor_stands_behind_the_address(async_client, token, monkeypatch):
    monkeypatch.setattr(diagnostics, "allowance", Allowance())

    answer = await async_client.get(PATHS[1], headers=BEARER)

    report = json.loads(answer.content)
    assert [finding["id"] for finding in report["findings"]][-1] == "openai"
    assert report["exit"] == 2
