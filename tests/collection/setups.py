"""Set-ups that do not work, and some that do though they look unusual. Each changes a healthy line in one thing.

A set-up is a function that is given its Place; tests/collection/labels.py says what the doctor has to name, by the
function's name. Where an edit stands, it is what somebody once wrote into that file.
"""

import contextlib
import socket
import sqlite3
import sys
import threading
from datetime import timedelta

from tests.collection.town import ACCOUNT, HOST, KEY, LINE, MAIL, OPENAI, PROGRAMS, TOKEN

OTHER = "+15550107777"
OWN = "https://static.cedarplumbing.alt/fallback.xml"
BROKEN = {}
HEALTHY = {}

ASGI = "voiceagent/asgi.py"
ROUTING = "calls/routing.py"
ANSWER = "calls/templates/twiml/answer.xml"
CLIENT = "calls/realtime/client.py"
STREAM = 'url="{{ stream_url }}"'
MOUNT = '"websocket": websocket'
VALIDATOR = """
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

websocket = AllowedHostsOriginValidator(websocket)
application = """


def broken(setup):
    BROKEN[setup.__name__] = setup
    return setup


def healthy(setup):
    HEALTHY[setup.__name__] = setup
    return setup


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


# Of the first prototype.


@broken
def route_not_mounted(at):
    at.edit("voiceagent/urls.py", '    path("", include("calls.urls")),\n', "")
    at.serve()


@broken
def wss_in_the_voice_field(at):
    at.twilio(voice_url=f"wss://{HOST}/twilio/realtime")


@broken
def subprotocol_forced(at):
    at.edit("calls/consumers.py", "SUBPROTOCOL if SUBPROTOCOL in offered else None", "SUBPROTOCOL")
    at.serve()


@broken
def router_fails_at_import(at):
    at.edit(ROUTING, "import TwilioStream, UnknownSocket", "import TwilioStreams, UnknownSocket")


@broken
def router_failure_swallowed(at):
    at.edit(ROUTING, "import TwilioStream, UnknownSocket", "import TwilioStreams, UnknownSocket")
    guarded = "try:\n    from calls.routing import websocket\nexcept ImportError:\n    websocket = None"
    at.edit(ASGI, "from calls.routing import websocket  # noqa: E402", guarded)
    at.edit(ASGI, f'{{"http": http, {MOUNT}}}', f'{{"http": http}} | ({{{MOUNT}}} if websocket else {{}})')
    at.serve()


@broken
def no_key(at):
    at.settings["OPENAI_API_KEY"] = ""
    at.serve()


@broken
def wrong_key(at):
    at.settings["OPENAI_API_KEY"] = KEY[:-4] + "beef"
    at.serve()


@broken
def quota(at):
    at.model(faults={"response_error": "insufficient_quota"})
    at.serve()


@broken
def beta_header(at):
    at.edit(CLIENT, '{"Authorization": f"Bearer {api_key}"}', BETA)
    at.serve()


BETA = '{"Authorization": f"Bearer {api_key}", "OpenAI-Beta": "realtime=v1"}'


@broken
def pcm16_asked_for(at):
    at.edit("calls/realtime/session.py", '{"type": "audio/pcmu"}', '{"type": "audio/pcm", "rate": 24000}')
    at.serve()


@broken
def wrong_host_in_the_stream_address(at):
    at.edit(ANSWER, STREAM, 'url="wss://old-tunnel.ngrok.alt/twilio/realtime"')
    at.serve()


@broken
def another_program_on_the_port(at):
    at.port = at.run(sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", at.folder).port
    at.front()


@broken
def html_instead_of_twiml(at):
    at.front("site")


@broken
def wsgi_instead_of_asgi(at):
    at.port = at.run(sys.executable, PROGRAMS / "wsgi.py", "0", env=at.environment).port
    at.front()


@broken
def proxy_strips_the_upgrade(at):
    at.front("strip-upgrade")


@broken
def redirect_to_a_slash(at):
    at.front("slash")


@broken
def server_has_another_token(at):
    """.env was changed, and the server not started again."""
    at.serve(TWILIO_AUTH_TOKEN=TOKEN[::-1])


@broken
def clock_off(at):
    at.clock = 3600
    at.serve()


@broken
def origin_validator(at):
    at.edit(ASGI, "\napplication = ", VALIDATOR)
    at.serve()


@broken
def origin_validator_still_running(at):
    """The code was mended, and the server not started again."""
    right = at.checkout
    origin_validator(at)
    at.checkout = right


@broken
def blank_line_before_twiml(at):
    at.edit("calls/templates/twiml/response.xml", "<?xml", "\n<?xml")
    at.serve()


@broken
def query_on_the_stream_address(at):
    at.edit(ANSWER, STREAM, 'url="{{ stream_url }}?token={{ token }}"')
    at.serve()


# Settings.


@broken
def placeholder_key(at):
    at.settings["OPENAI_API_KEY"] = "sk-your-key-here-xxxxxxxxxxxx"
    at.serve()


@broken
def no_token(at):
    at.settings["TWILIO_AUTH_TOKEN"] = ""
    at.serve()


@broken
def account_instead_of_token(at):
    at.settings["TWILIO_AUTH_TOKEN"] = ACCOUNT
    at.serve()


@broken
def wss_as_public_address(at):
    at.settings["PUBLIC_BASE_URL"] = f"wss://{HOST}"
    at.serve()


@broken
def public_address_of_this_machine(at):
    at.settings["PUBLIC_BASE_URL"] = "http://localhost:8000"
    at.serve()


@broken
def http_public_address(at):
    at.settings["PUBLIC_BASE_URL"] = f"http://{HOST}"
    at.serve()
    at.front(tls=False)


# The house.


@broken
def migrations_not_applied(at):
    at.change()
    at.manage("migrate", "calls", "0010")
    at.serve()


@broken
def database_locked(at):
    """Another program holds the whole database, as a backup that hangs does."""
    database = at.change()
    at.serve()
    at.beside(locked(database))


@contextlib.contextmanager
def locked(database):
    held, over = threading.Event(), threading.Event()

    def hold():
        other = sqlite3.connect(database, isolation_level=None, timeout=10)
        other.execute("BEGIN EXCLUSIVE")
        held.set()
        over.wait()
        other.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    yield
    over.set()
    holder.join()


@broken
def no_line(at):
    at.change("DELETE FROM calls_phoneline")
    at.serve()


@broken
def line_without_agent(at):
    at.change("UPDATE calls_phoneline SET agent_id = NULL")
    at.serve()


@broken
def handover_comes_back(at):
    at.change(f"UPDATE calls_business SET handover_number = '{LINE}'")
    at.serve()


@broken
def socket_route_missing(at):
    at.edit(ROUTING, "twilio/realtime|twilio/stream|realtime", "twilio/stream|realtime")
    at.serve()


@broken
def server_not_started(at):
    at.port = free_port()
    at.front()


@broken
def mute_program_on_the_port(at):
    at.port = at.start("mute").port
    at.front()


@broken
def worker_not_running(at):
    at.change()
    at.serve(worker=False)


@broken
def mail_server_gone(at):
    at.names[MAIL] = 9


@broken
def data_folder_not_writable(at):
    """A file is where the folder would have to be."""
    (at.folder / "var").write_text("")
    at.settings["DATA_DIR"] = str(at.folder / "var")
    at.serve(DATA_DIR=str(at.folder / "var"))


# The road.


@broken
def name_unknown(at):
    del at.names[HOST]


@broken
def tunnel_closed(at):
    at.front(backend=9)


@broken
def nothing_on_443(at):
    at.names[HOST] = 9


@broken
def hung_proxy(at):
    at.front("hang")


@broken
def self_signed_certificate(at):
    at.front(certificate=at.town.authority.certificate(HOST, self_signed=True))


@broken
def certificate_of_another_host(at):
    at.front(certificate=at.town.authority.certificate("www.cedarplumbing.alt"))


@broken
def certificate_expired(at):
    at.front(certificate=at.town.authority.certificate(HOST, ends_in=timedelta(days=-1)))


@broken
def password_in_front(at):
    at.front("password")


@broken
def bot_protection(at):
    at.front("challenge")


@broken
def foreign_host_header(at):
    at.front("host")


@broken
def view_fails(at):
    at.edit("calls/views/guard.py", "form = request.POST if", "form = request.POSTED if")
    at.serve()


@broken
def csrf_check(at):
    at.edit("calls/views/guard.py", "        @csrf_exempt\n", "")
    at.serve()


@broken
def start_instead_of_connect(at):
    at.edit(ANSWER, "Connect", "Start")
    at.serve()


@broken
def stream_path_mistyped(at):
    at.edit(ANSWER, STREAM, f'url="wss://{HOST}/twilio/realtme"')
    at.serve()


@broken
def secret_keys_differ(at):
    """Two servers behind one address: the webhook comes to one, the stream to the other."""
    at.serve()
    first = at.port
    at.serve(SECRET_KEY="another-secret-key-0123456789-abcdefghij-klmnopqrst")
    at.front(backend=first, other=at.port)
    at.port = first


@broken
def two_servers(at):
    """The address leads to a server that was forgotten, with the same settings."""
    at.serve()
    forgotten = at.port
    at.serve()
    at.front(backend=forgotten)


# OpenAI.


@broken
def model_shut_down(at):
    at.settings["OPENAI_REALTIME_MODEL"] = "gpt-4o-realtime-preview"
    at.serve()


@broken
def openai_out_of_reach(at):
    del at.names[OPENAI]
    at.model_port = 9
    at.serve()


@broken
def inspecting_proxy(at):
    certificate = at.town.authority.certificate(OPENAI, self_signed=True)
    at.front(backend=at.town.model, certificate=certificate, host=OPENAI)
    at.model_port = 9
    at.serve()


@broken
def openai_never_speaks(at):
    at.model(faults={"never_respond": True})
    at.serve()


# Twilio's account.


@broken
def twilio_rejects_the_token(at):
    """The token was rotated in the console: server and doctor agree on one that is none any more."""
    at.twilio(auth_token="0ddba11c0ffee5ab1e0ddba11c0ffee5")


@broken
def number_of_another_account(at):
    at.twilio(phone_number=OTHER)


@broken
def voice_field_by_get(at):
    at.twilio(voice_method="GET")


@broken
def voice_field_elsewhere(at):
    at.twilio(voice_url="https://demo.twilio.com/welcome/voice/")


# What works.


@healthy
def as_it_is(at):
    pass


@healthy
def slash_behind_the_public_address(at):
    at.settings["PUBLIC_BASE_URL"] = f"https://{HOST}/"
    at.serve()


@healthy
def tokens_being_rotated(at):
    at.settings["TWILIO_AUTH_TOKEN"] = f"{TOKEN},{TOKEN[::-1]}"
    at.serve()


@healthy
def shared_key_instead_of_a_token(at):
    at.settings["TWILIO_AUTH_TOKEN"] = ""
    at.settings["TWILIO_SHARED_KEYS"] = "key1:canary-shared-secret"
    at.serve()


@healthy
def no_account_named(at):
    at.settings["TWILIO_ACCOUNT_SID"] = ""
    at.serve()


@healthy
def proxy_that_rewrites_headers(at):
    at.front("proxied")


@healthy
def two_proxies(at):
    inner = at.start("front", "--backend", at.port, "--fault", "proxied").port
    at.front(backend=inner)


@healthy
def another_model(at):
    at.settings["OPENAI_REALTIME_MODEL"] = "gpt-realtime-2"
    at.serve()


@healthy
def another_voice(at):
    at.change("UPDATE calls_agent SET voice = 'cedar'")
    at.serve()


@healthy
def spanish_agent(at):
    at.change("UPDATE calls_agent SET language = 'es'")
    at.serve()


@healthy
def business_is_closed_all_week(at):
    at.change("DELETE FROM calls_openinghours")
    at.serve()


@healthy
def quiet_business(at):
    at.change("UPDATE calls_business SET time_zone = 'Pacific/Kiritimati'", "DELETE FROM calls_service")
    at.serve()


@healthy
def hand_over_by_the_settings_alone(at):
    at.change("UPDATE calls_business SET handover_number = ''")
    at.serve()


@healthy
def hand_over_by_the_business_alone(at):
    at.settings["HANDOVER_NUMBER"] = ""
    at.serve()


@healthy
def fallback_on_a_host_of_ones_own(at):
    at.change(f"UPDATE calls_phoneline SET fallback_url = '{OWN}'")
    at.twilio(voice_fallback_url=OWN)
    at.serve()


@healthy
def diagnosis_by_token(at):
    at.settings["DIAGNOSTIC_TOKEN"] = "canary-diagnostic-token-0123456789"
    at.serve()


@healthy
def many_hosts_allowed(at):
    at.settings["ALLOWED_HOSTS"] = "reception.cedarplumbing.alt,10.0.0.5"
    at.serve()


@healthy
def worker_of_its_own(at):
    at.change()
    at.serve(worker=False)
    at.run(sys.executable, "manage.py", "worker", env=at.environment)


@healthy
def served_by_daphne(at):
    """Any ASGI server takes calls; ours only ends more gently."""
    at.port = free_port()
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{at.port}"]
    openai = {"OPENAI_REALTIME_URL": f"ws://127.0.0.1:{at.town.model}/v1/realtime"}
    at.run(*command, env=at.environment | openai)
    at.front()


@healthy
def slow_model(at):
    at.model(faults={"first_delta_ms": 600})
    at.serve()


@healthy
def talkative_model(at):
    at.model(faults={"unknown_events": True, "extra_keys": True})
    at.serve()


@healthy
def one_session_at_a_time(at):
    at.settings["CALLS_AT_ONCE"] = "3"
    at.serve()


@healthy
def mail_relay_without_a_login(at):
    at.names[MAIL] = at.start("mail").port
    at.settings["EMAIL_URL"] = f"smtp://{MAIL}:25"


@healthy
def another_number_in_the_account(at):
    at.change(f"UPDATE calls_phoneline SET number = '{OTHER}'")
    at.twilio(phone_number=OTHER)
    at.serve()
