"""What the doctor has to name for each broken set-up, written down before it was asked. It imports nothing.

The cause that counts is the first finding that failed; where none failed, the first warning: the one that the doctor
itself tells the operator to begin with.
"""

from typing import NamedTuple


class Label(NamedTuple):
    """`first`: the id of that finding, or what stands before its dot. `words`: each stands in what it says, in any
    case of letters."""

    first: str
    words: tuple[str, ...]


# As the first prototype failed, one after the other, for weeks.
OF_THE_PROTOTYPE = {
    "route_not_mounted": Label("routes", ("not mounted", "/twilio/voice")),
    "wss_in_the_voice_field": Label("twilio.voice", ("wss",)),
    "subprotocol_forced": Label("upgrade", ("subprotocol",)),
    "router_fails_at_import": Label("routes", ("WebSocket", "calls/routing.py")),
    "router_failure_swallowed": Label("routes", ("WebSocket", "calls/routing.py")),
    "no_key": Label("settings.openai-key", ("not set", "OPENAI_API_KEY")),
    "wrong_key": Label("openai", ("wrong key",)),
    "quota": Label("openai", ("quota", "credit")),
    "beta_header": Label("openai", ("beta",)),
    "pcm16_asked_for": Label("openai", ("audio/pcm", "audio/pcmu")),
    "wrong_host_in_the_stream_address": Label("webhook", ("old-tunnel.ngrok.alt",)),
    "another_program_on_the_port": Label("port", ("another program", "http.server")),
    "html_instead_of_twiml": Label("webhook", ("web page", "another application")),
    "wsgi_instead_of_asgi": Label("asgi", ("WSGI", "manage.py serve")),
    "proxy_strips_the_upgrade": Label("upgrade", ("proxy", "Upgrade")),
    "redirect_to_a_slash": Label("webhook", ("redirect", "/twilio/voice/")),
    "server_has_another_token": Label("webhook", ("signature", "TWILIO_AUTH_TOKEN")),
    "clock_off": Label("clock", ("clock",)),
    "origin_validator": Label("routes", ("Origin",)),
    "origin_validator_still_running": Label("upgrade", ("Origin",)),
    "blank_line_before_twiml": Label("webhook", ("blank line",)),
    "query_on_the_stream_address": Label("webhook", ("query",)),
}

# What else an operator meets.
OF_THE_FIELD = {
    # settings
    "placeholder_key": Label("settings.openai-key", ("placeholder",)),
    "no_token": Label("settings.twilio-token", ("not set", "TWILIO_AUTH_TOKEN")),
    "account_instead_of_token": Label("settings.twilio-token", ("SID", "Auth Token")),
    "wss_as_public_address": Label("settings.public-url", ("wss", "https")),
    "public_address_of_this_machine": Label("settings.public-url", ("this machine",)),
    "http_public_address": Label("settings.public-url", ("not https",)),
    # the house
    "migrations_not_applied": Label("database", ("not applied", "manage.py migrate")),
    "database_locked": Label("database", ("locked",)),
    "no_line": Label("line", ("no phone line",)),
    "line_without_agent": Label("line", ("agent",)),
    "handover_comes_back": Label("line.handover", ("hand-over", "own lines")),
    "socket_route_missing": Label("routes", ("/twilio/realtime",)),
    "server_not_started": Label("port", ("nothing listens", "manage.py serve")),
    "mute_program_on_the_port": Label("port", ("does not answer",)),
    "worker_not_running": Label("worker", ("worker", "manage.py worker")),
    "mail_server_gone": Label("email", ("refuse",)),
    "data_folder_not_writable": Label("disk", ("DATA_DIR",)),
    # the road
    "name_unknown": Label("webhook", ("name", "not known", "DNS")),
    "tunnel_closed": Label("webhook", ("502",)),
    "nothing_on_443": Label("webhook", ("refused",)),
    "hung_proxy": Label("webhook", ("no answer within",)),
    "self_signed_certificate": Label("webhook", ("certificate", "self-signed")),
    "certificate_of_another_host": Label("webhook", ("certificate", "host")),
    "certificate_expired": Label("webhook", ("certificate", "expired")),
    "password_in_front": Label("webhook", ("401", "password")),
    "bot_protection": Label("webhook", ("403", "bot protection")),
    "foreign_host_header": Label("webhook", ("400", "ALLOWED_HOSTS")),
    "view_fails": Label("webhook", ("500", "log")),
    "csrf_check": Label("webhook", ("403", "CSRF")),
    "start_instead_of_connect": Label("webhook", ("<Start>", "<Connect>")),
    "stream_path_mistyped": Label("webhook", ("/twilio/realtme",)),
    "secret_keys_differ": Label("first-audio", ("token", "SECRET_KEY")),
    "two_servers": Label("webhook", ("another process",)),
    # OpenAI
    "model_shut_down": Label("openai", ("model", "OPENAI_REALTIME_MODEL")),
    "openai_out_of_reach": Label("openai", ("network", "api.openai.com")),
    "inspecting_proxy": Label("openai", ("certificate", "between")),
    "openai_never_speaks": Label("openai", ("connected", "status.openai.com")),
    # Twilio's account
    "twilio_rejects_the_token": Label("twilio", ("token",)),
    "number_of_another_account": Label("twilio.number", ("+15550109999",)),
    "voice_field_by_get": Label("twilio.voice", ("GET", "POST")),
    "voice_field_elsewhere": Label("twilio.voice", ("demo.twilio.com",)),
}

LABELS = OF_THE_PROTOTYPE | OF_THE_FIELD
