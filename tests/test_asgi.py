"""The traps between Twilio, an ASGI server and Channels, each on the application as it is really mounted."""

import asyncio
import json
import time
from itertools import pairwise

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from twilio.request_validator import RequestValidator

from calls.consumers import AT_A_STRETCH
from calls.relay.relay import Relay
from voiceagent.asgi import application

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

PATHS = ["/twilio/realtime", "/twilio/stream", "/realtime"]
SLASHES = ["", "/"]


@pytest.fixture(autouse=True)
def quick_clock(settings):
    settings.CLOCK_RATE = 50  # the 5 s for a start take 0.1 s


def signed(url, settings, **headers):
    signature = RequestValidator(settings.TWILIO_AUTH_TOKENS[0]).compute_signature(url, {})
    return [(name.encode(), value.encode()) for name, value in {"x-twilio-signature": signature, **headers}.items()]


def phone(path, settings, *, scheme="wss", subprotocols=None, signed_path=None, **headers):
    url = f"{scheme}://cortana.example.com{signed_path or path}"
    return WebsocketCommunicator(application, path, signed(url, settings, **headers), subprotocols)


async def hang_up(socket):
    await socket.disconnect()


@pytest.mark.parametrize("slash", SLASHES)
@pytest.mark.parametrize("path", PATHS)
async def test_twilio_can_open_the_stream(path, slash, settings):
    socket = phone(path + slash, settings)

    assert await socket.connect() == (True, None)
    await hang_up(socket)


@pytest.mark.parametrize("scheme", ["wss", "https"])
@pytest.mark.parametrize("signed_path", ["/twilio/realtime", "/twilio/realtime/"])
async def test_all_forms_in_which_the_upgrade_is_signed_are_known(scheme, signed_path, settings):
    socket = phone("/twilio/realtime", settings, scheme=scheme, signed_path=signed_path)

    assert (await socket.connect())[0] is True
    await hang_up(socket)


async def test_unsigned_upgrade_is_refused_and_the_log_names_the_remedy(settings, caplog):
    accepted, _ = await WebsocketCommunicator(application, "/twilio/realtime").connect()

    assert accepted is False
    assert caplog.records[-1].why == (
        "not signed by Twilio for wss://cortana.example.com/twilio/realtime: "
        "check PUBLIC_BASE_URL and TWILIO_AUTH_TOKEN"
    )


@pytest.mark.parametrize("path", ["/twilio/realtime", "/nowhere"])
async def test_a_refusal_is_in_our_own_words_where_the_server_can_pass_them_on(path):
    """So that a 403 of something around the stream, such as an Origin validator, can be told from ours."""
    socket = WebsocketCommunicator(application, path)
    socket.scope["extensions"] = {"websocket.http.response": {}}
    await socket.send_input({"type": "websocket.connect"})

    start, body = await socket.receive_output(), await socket.receive_output()
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
    assert body["body"] == b"Streams are opened by Twilio alone.\n"


async def test_upgrade_signed_for_another_host_is_refused(settings):
    headers = signed("wss://evil.example.com/twilio/realtime", settings, host="evil.example.com")

    assert (await WebsocketCommunicator(application, "/twilio/realtime", headers).connect())[0] is False


async def test_wrong_signature_is_let_in_where_the_settings_only_log(settings, caplog):
    settings.TWILIO_SIGNATURE = "log"
    socket = WebsocketCommunicator(application, "/twilio/realtime")

    assert (await socket.connect())[0] is True
    assert [record.message for record in caplog.records] == ["stream with a wrong signature let in"]
    await hang_up(socket)


@pytest.mark.parametrize("origin", ["https://cortana.example.com", "https://evil.example.com", "null"])
async def test_browser_is_refused(origin, settings):
    assert (await phone("/twilio/realtime", settings, origin=origin).connect())[0] is False


@pytest.mark.parametrize(
    ("offered", "echoed"),
    [
        (None, None),
        (["audio.twilio.com"], "audio.twilio.com"),
        (["x"], None),
        (["x", "audio.twilio.com"], "audio.twilio.com"),
    ],
)
async def test_subprotocol_is_echoed_only_if_offered(offered, echoed, settings):
    socket = phone("/twilio/realtime", settings, subprotocols=offered)

    assert await socket.connect() == (True, echoed)
    await hang_up(socket)


@pytest.mark.parametrize("path", ["/", "/twilio", "/twilio/realtime/x", "/ws", "/twilio/voice"])
async def test_unknown_socket_path_is_refused_and_the_log_names_the_right_one(path, settings, caplog):
    assert (await phone(path, settings).connect())[0] is False
    [record] = caplog.records
    assert (record.message, record.path) == ("no WebSocket at this path: the stream is at /twilio/realtime", path)


async def test_stream_without_a_start_is_closed_in_time(settings, caplog):
    socket = phone("/twilio/realtime", settings)
    await socket.connect()
    await socket.send_to(text_data=json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))

    assert await socket.receive_output(timeout=2) == {"type": "websocket.close", "code": 1008}
    assert [record.why for record in caplog.records] == ["no start within 5 s"]
    await hang_up(socket)


@pytest.mark.parametrize("token", ["", "forged"])
async def test_stream_of_an_unknown_call_is_closed(token, settings):
    socket = phone("/twilio/realtime", settings)
    await socket.connect()
    start = {"streamSid": "MZ1", "callSid": "CA1", "customParameters": {"token": token}}
    await socket.send_to(text_data=json.dumps({"event": "start", "streamSid": "MZ1", "start": start}))

    assert await socket.receive_output(timeout=2) == {"type": "websocket.close", "code": 1008}
    await hang_up(socket)


async def test_work_of_others_in_the_shared_thread_holds_up_no_socket(settings):
    """Channels awaits the thread that all calls share before every message, unless `dispatch` is overridden."""
    blocking = asyncio.create_task(sync_to_async(time.sleep, thread_sensitive=True)(0.8))
    await asyncio.sleep(0.05)
    socket = phone("/twilio/realtime", settings)

    began = time.monotonic()
    assert (await socket.connect())[0] is True
    took = time.monotonic() - began

    assert took < 0.4
    await blocking
    await hang_up(socket)


async def test_a_message_makes_no_task(settings, monkeypatch):
    """Channels makes one of each, and waits for it, unless the consumer reads its messages itself."""
    heard, made = [], []
    monkeypatch.setattr(Relay, "feed", lambda self, text: heard.append(text))
    socket = phone("/twilio/realtime", settings)
    await socket.connect()
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, work, **named: made.append(work) or asyncio.Task(work, loop=loop, **named))

    for number in range(20):
        await socket.send_to(text_data=str(number))
    async with asyncio.timeout(2):
        while len(heard) < 20:
            await asyncio.sleep(0)
    loop.set_task_factory(None)

    assert (heard, made) == ([str(number) for number in range(20)], [])
    await hang_up(socket)


async def test_what_came_while_the_process_stood_still_leaves_room_for_others_to_work(settings, monkeypatch):
    heard = []
    monkeypatch.setattr(Relay, "feed", lambda self, text: heard.append(text))
    socket = phone("/twilio/realtime", settings)
    await socket.connect()

    for number in range(400):
        await socket.send_to(text_data=str(number))
    at_others_turns = [0]
    async with asyncio.timeout(2):
        while len(heard) < 400:
            await asyncio.sleep(0)
            at_others_turns.append(len(heard))

    assert max(later - before for before, later in pairwise(at_others_turns)) <= AT_A_STRETCH
    await hang_up(socket)


async def test_nonsense_on_the_stream_is_survived(settings, caplog):
    socket = phone("/twilio/realtime", settings)
    await socket.connect()
    for text in ("x", "[]", "{}"):
        await socket.send_to(text_data=text)
    await socket.send_to(bytes_data=b"\x00")

    assert await socket.receive_output(timeout=2) == {"type": "websocket.close", "code": 1008}
    assert [record.message for record in caplog.records].count("bad frame from Twilio") == 1
    await hang_up(socket)


async def test_socket_whose_relay_breaks_is_closed_and_it_is_told_once(settings, monkeypatch, caplog):
    async def broken(self):
        raise RuntimeError("on demand")

    monkeypatch.setattr(Relay, "run", broken)
    socket = phone("/twilio/realtime", settings)
    await socket.connect()

    assert (await socket.receive_output(2))["code"] == 1011
    await hang_up(socket)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["the relay broke"]
