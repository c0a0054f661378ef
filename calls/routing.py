"""WebSocket routes: the stream under every address that people have pasted, slash or not, and a door for the rest."""

from channels.routing import URLRouter
from django.urls import re_path

from calls.consumers import TwilioStream, UnknownSocket

websocket = URLRouter(
    [
        re_path(r"^(?:twilio/realtime|twilio/stream|realtime)/?$", TwilioStream.as_asgi()),
        re_path(r"", UnknownSocket.as_asgi()),
    ]
)
