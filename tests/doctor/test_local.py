import asyncio
import contextlib
import os
import re
import sys
import threading
import types
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path, re_path

import voiceagent.asgi
from calls import routing
from calls import urls as calls_urls
from calls.consumers import TwilioStream
from calls.doctor import local, runner
from calls.doctor.runner import diagnose
from calls.doctor.site import Site
from tests.doctor.house import TOKEN, House, Reply, page, refusing

pytestmark = pytest.mark.asyncio


async def one(id, site=None):
    checks = [check for check in runner.CHECKS if check.id in {id, "port"} and (id == "asgi" or check.id == id)]
    findings = [finding async for finding in diagnose(site or Site(), checks=checks)]
    return next(finding for finding in findings if finding.id == id)


async def test_our_routes_are_all_there():
    finding = await one("routes")

    assert (finding.level.value, finding.seen) == (
        "OK",
        "40 addresses and 6 socket addresses, with and without slash",
    )


async def test_every_address_of_twilio_is_among_them():
    mounted = {f"/{route.pattern}" for route in calls_urls.urlpatterns if not str(route.pattern).endswith("/")}

    assert set(local.HTTP_ROUTES) == mounted


async def test_routes_that_are_not_mounted_are_named(settings, monkeypatch):
    urls = types.ModuleType("empty_urls")
    urls.urlpatterns = [path("healthz", lambda request: None, name="healthz")]
    monkeypatch.setitem(sys.modules, "empty_urls", urls)
    settings.ROOT_URLCONF = "empty_urls"

    finding = await one("routes")

    assert (finding.level.value, finding.seen[:44]) == ("FAIL", "not mounted: /twilio/voice, /twilio/stream, ")
    assert "healthz" not in finding.seen


async def test_addresses_without_their_slash_are_named(settings, monkeypatch):
    """In one of Twilio's fields somebody may have typed a slash at the end."""
    urls = types.ModuleType("slashless_urls")
    urls.urlpatterns = [route for route in calls_urls.urlpatterns if not str(route.pattern).endswith("/")]
    monkeypatch.setitem(sys.modules, "slashless_urls", urls)
    settings.ROOT_URLCONF = "slashless_urls"

    finding = await one("routes")

    assert (finding.level.value, finding.seen[:44]) == ("FAIL", "not mounted: /twilio/voice/, /twilio/stream/")


SLASHLESS = URLRouter([re_path(r"^twilio/realtime$", TwilioStream.as_asgi())])


async def test_a_stream_route_without_its_slash_is_named(monkeypatch):
    monkeypatch.setattr(routing, "websocket", SLASHLESS)
    monkeypatch.setattr(voiceagent.asgi, "application", ProtocolTypeRouter({"websocket": SLASHLESS}))

    finding = await one("routes")

    assert (finding.level.value, finding.seen) == (
        "FAIL",
        "no stream at /twilio/realtime/, /twilio/stream, /twilio/stream/, /realtime, /realtime/",
    )


async def test_an_origin_validator_around_the_stream_is_named(monkeypatch):
    guarded = AllowedHostsOriginValidator(routing.websocket)
    monkeypatch.setattr(voiceagent.asgi, "application", ProtocolTypeRouter({"websocket": guarded}))

    finding = await one("routes")

    assert (finding.level.value, finding.seen) == ("FAIL", "an Origin validator stands around the stream")


async def test_an_application_that_serves_other_sockets_is_named(monkeypatch):
    monkeypatch.setattr(voiceagent.asgi, "application", ProtocolTypeRouter({"websocket": SLASHLESS}))

    assert (await one("routes")).seen == "voiceagent.asgi does not serve calls.routing"


async def test_an_application_without_sockets_is_named(monkeypatch):
    monkeypatch.setattr(voiceagent.asgi, "application", ProtocolTypeRouter({}))

    finding = await one("routes")

    assert (finding.level.value, finding.seen) == ("FAIL", "no WebSocket routes: KeyError: 'websocket'")


async def test_a_port_on_which_nothing_listens_is_named():
    finding = await one("port", Site(port=1))

    assert (finding.level.value, finding.seen) == ("FAIL", "nothing listens on port 1")
    assert finding.remedy == "Start the server: python manage.py serve"


async def test_our_own_port_is_known_by_its_instance():
    async with House() as house:
        command = await one("port", Site(port=house.port))
        view = await one("port", Site(port=house.port, own_instance="a1b2c3"))

    assert [command.seen, view.seen] == [f"port {house.port} is ours, instance a1b2c3"] * 2


async def test_another_process_of_this_program_is_told_from_ours():
    async with House() as house:
        finding = await one("port", Site(port=house.port, own_instance="ffffff"))

    assert (finding.level.value, finding.seen) == (
        "WARN",
        f"another process of this program answers on port {house.port}",
    )


async def test_another_program_on_the_port_is_named_without_its_options():
    async with House(health=page(404)) as house:
        finding = await one("port", Site(port=house.port))

    assert finding.level.value == "FAIL"
    assert f"another program answers on port {house.port}: pid {os.getpid()} (" in finding.seen
    assert " -" not in re.sub(r" -m \w+", "", finding.seen)  # the module that Python runs is no secret
    assert f"set PORT={house.port + 1}" in finding.remedy


async def test_a_program_that_is_no_web_server_is_named():
    async def shout(reader, writer):
        writer.write(b"220 mail\r\n")
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        finding = await one("port", Site(port=port))

    assert f"port {port} does not answer as a web server: pid {os.getpid()}" in finding.seen


async def test_a_server_on_another_machine_is_a_warning():
    async with House() as house:
        finding = await one("port", Site(port=1, public_base_url=house.base))

    assert (finding.level.value, finding.seen) == (
        "WARN",
        "nothing on port 1 here; instance a1b2c3 serves the public address",
    )


@contextlib.asynccontextmanager
async def a_house(**how):
    async with House(**how) as house:
        yield Site(public_base_url=house.base, port=house.port, twilio_tokens=(TOKEN,))


async def test_a_server_that_takes_the_socket_is_well():
    async with a_house() as site:
        finding = await one("asgi", site)

    assert (finding.level.value, finding.seen) == ("OK", "a server for sockets answers")


async def test_a_refused_socket_is_a_sign_of_a_server_for_sockets_too():
    async with a_house(door=refusing(403)) as site:
        finding = await one("asgi", site)

    assert finding.seen == "a server for sockets answers, though it answered 403; see upgrade"


async def test_a_wsgi_server_is_named():
    async with a_house(takes_sockets=False) as site:
        finding = await one("asgi", site)

    assert (finding.level.value, finding.seen) == ("FAIL", "the upgrade was answered 426 as a plain page by uvicorn")


async def test_a_wsgi_server_of_the_old_days_is_named():
    """Python's own wsgiref answers in HTTP/1.0, whatever it is asked in."""

    def application(environ, start_response):
        is_healthz = environ["PATH_INFO"] == "/healthz"
        start_response("200 OK" if is_healthz else "426 Upgrade Required", [("Content-Type", "application/json")])
        return [b'{"instance": "a1b2c3"}']

    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        finding = await one("asgi", Site(port=server.server_port))
        server.shutdown()

    assert (finding.level.value, finding.seen) == ("FAIL", "the upgrade was answered in HTTP/1.0, as by a WSGI server")
    assert "not gunicorn or another WSGI server" in finding.remedy


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


async def test_a_server_that_hangs_up_on_sockets_is_named():
    async def hang_up(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        if b"/healthz" in request:
            body = b'{"instance": "a1b2c3"}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        finding = await one("asgi", Site(port=server.sockets[0].getsockname()[1]))

    assert finding.level.value == "FAIL"
    assert "the answer to the upgrade was no HTTP" in finding.seen


async def test_a_server_on_another_machine_is_not_looked_for_here():
    async with House() as house:
        finding = await one("asgi", Site(port=1, public_base_url=house.base))

    assert (finding.level.value, finding.seen) == ("SKIPPED", "the server is elsewhere; upgrade looks at it")


async def test_nothing_is_asked_of_a_port_that_nobody_owns():
    async with House(health=Reply(503)) as house:
        finding = await one("asgi", Site(port=house.port))

    assert (finding.level.value, finding.seen) == ("SKIPPED", "needs port, which did not succeed")
