"""The calls in progress in this process, and whether it still takes new ones."""

_stream_sids: set[str] = set()
is_draining = False
"""Set by the server when it shuts down: running calls finish, new ones are handed over."""


def count() -> int:
    return len(_stream_sids)


def add(stream_sid: str) -> None:
    _stream_sids.add(stream_sid)


def remove(stream_sid: str) -> None:
    _stream_sids.discard(stream_sid)
