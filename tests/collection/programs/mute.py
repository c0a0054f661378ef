"""A program that takes every connection and never says a word."""

import socket
import sys

from tests.collection.programs import tell

listener = socket.create_server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
tell(listener.getsockname()[1])
kept = []
while True:
    kept.append(listener.accept())
