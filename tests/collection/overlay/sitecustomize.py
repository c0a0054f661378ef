"""The internet of one set-up, put under its processes by PYTHONPATH: the names that exist, and the time of the day.

A name leads to a port of this machine, or is not known; nothing here ever reaches a real network.
"""

import ipaddress
import json
import os
import socket

_known = json.loads(os.environ.get("COLLECTION_NAMES") or "{}")
_shift = float(os.environ.get("COLLECTION_CLOCK") or 0)
_look_up = socket.getaddrinfo


def _getaddrinfo(host, port, *arguments, **options):
    name = host.decode() if isinstance(host, bytes) else host
    if name in _known:
        return _look_up("127.0.0.1", _known[name], *arguments, **options)
    if name in {None, "localhost"} or _is_address(name):
        return _look_up(host, port, *arguments, **options)
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _is_address(name):
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


if "COLLECTION_NAMES" in os.environ:
    socket.getaddrinfo = _getaddrinfo
if _shift:
    from datetime import UTC, datetime, timedelta

    import time_machine

    time_machine.travel(datetime.now(UTC) + timedelta(seconds=_shift), tick=True).start()
