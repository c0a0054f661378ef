"""The admin's files, by the middleware that both servers run; over a real server see tests/lab/test_commands.py."""

from pathlib import Path

import pytest
from asgiref.sync import iscoroutinefunction
from django.contrib import admin
from django.test import AsyncClient, Client

from calls.static_files import StaticFiles

STYLE = "/static/admin/css/base.css"
FILE = Path(admin.__file__).parent / "static/admin/css/base.css"


@pytest.fixture(autouse=True, params=[False, True], ids=["collected", "looked for"])
def collected(settings, request, tmp_path):
    """Both ways of WhiteNoise: with DEBUG off it knows all files from the start, with DEBUG on it looks each time."""
    settings.WHITENOISE_AUTOREFRESH = request.param
    settings.STATIC_ROOT = tmp_path


@pytest.mark.asyncio
async def test_file_is_answered_whole():
    response = await AsyncClient().get(STYLE)

    assert (response.status_code, response["Content-Type"]) == (200, 'text/css; charset="utf-8"')
    assert (response.streaming, response.content) == (False, FILE.read_bytes())


@pytest.mark.asyncio
async def test_browser_that_has_the_file_gets_it_not_again():
    tag = (await AsyncClient().get(STYLE))["ETag"]

    response = await AsyncClient().get(STYLE, headers={"If-None-Match": tag})

    assert (response.status_code, response.content, "Content-Type" in response) == (304, b"", False)


@pytest.mark.asyncio
async def test_part_of_a_file():
    response = await AsyncClient().get(STYLE, headers={"Range": "bytes=2-5"})

    assert (response.status_code, response.content) == (206, FILE.read_bytes()[2:6])
    assert response["Content-Length"] == "4"


@pytest.mark.asyncio
async def test_head_tells_the_length_alone():
    response = await AsyncClient().head(STYLE)

    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Length"] == str(FILE.stat().st_size)


@pytest.mark.asyncio
async def test_what_is_no_file_goes_on_to_the_pages():
    missing = await AsyncClient().get("/static/admin/css/none.css")
    page = await AsyncClient().get("/healthz")

    assert (missing.status_code, page.status_code) == (404, 200)


def test_file_is_served_without_a_loop_too():
    response = Client().get(STYLE)

    assert (response.status_code, response.content) == (200, FILE.read_bytes())


def test_middleware_stands_in_the_asynchronous_chain_without_a_thread():
    async def page(request): ...

    assert iscoroutinefunction(StaticFiles(page)) is True
    assert iscoroutinefunction(StaticFiles(lambda request: None)) is False
