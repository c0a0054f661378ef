"""The product behind a WSGI server, as who is used to gunicorn starts it: pages work, a call cannot.

python /…/wsgi.py 8000    (in the checkout that is to be served)
"""

import os
import socketserver
import sys
from wsgiref.simple_server import WSGIServer, make_server

sys.path[0] = os.getcwd()  # instead of this folder, whose names are not meant
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voiceagent.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402 - the path has to be set first


class Threads(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


server = make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), server_class=Threads)
sys.stdout.write(f"listening on port {server.server_port}\n")
sys.stdout.flush()
server.serve_forever()
