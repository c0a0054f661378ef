"""HTTP goes to Django, WebSockets to calls.routing.

There is no wsgi.py on purpose: a WSGI server cannot carry a call. Django is set up first, the routes are imported
here and not on the first request, and nothing is caught: what is broken shows when the server starts.
"""

import os

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voiceagent.settings")
http = get_asgi_application()
if settings.MALFORMED:  # no call is answered on a default that nobody chose, such as another database
    raise ImproperlyConfigured(" ".join(f"{name} wants {wanted}." for name, wanted in settings.MALFORMED.items()))

from calls.realtime.client import tls_context  # noqa: E402 - the routes need Django set up
from calls.routing import websocket  # noqa: E402

tls_context()  # made before the first call: it reads all certificates and would stall the loop for 20 ms

# No Origin validator around the stream: Twilio sends no Origin, and the validator would answer 403.
application = ProtocolTypeRouter({"http": http, "websocket": websocket})
