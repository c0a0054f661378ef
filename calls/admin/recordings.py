"""The sound of a recorded call, for people who are logged in: piece by piece, so that a player can jump about in it."""

import re
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest, HttpResponse

PIECE = 1 << 20  # as much of the file as one answer carries
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def path_of(folder: Path, name: str) -> Path | None:
    """The file of that name in the folder itself; nothing outside of it, whatever the name says."""
    if not name or Path(name).name != name:
        return None
    path = folder / name
    return path if path.is_file() else None


def answer(request: HttpRequest, path: Path) -> HttpResponse:
    """The file, or the piece of it that the request asks for."""

    def read(first: int, length: int) -> bytes:
        with path.open("rb") as file:
            file.seek(first)
            return file.read(length)

    return _answer(request, path.stat().st_size, read)


def answer_with(request: HttpRequest, sound: bytes) -> HttpResponse:
    """The same for a WAV that lies in no file."""
    return _answer(request, len(sound), lambda first, length: sound[first : first + length])


def _answer(request: HttpRequest, size: int, read: Callable[[int, int], bytes]) -> HttpResponse:
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None:
        return HttpResponse(read(0, size), content_type="audio/wav", headers={"Accept-Ranges": "bytes"})
    first = int(asked[1])
    if first >= size:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    last = min(int(asked[2] or size - 1), size - 1, first + PIECE - 1)
    piece = read(first, max(0, last - first + 1))
    headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{first + len(piece) - 1}/{size}"}
    return HttpResponse(piece, status=206, content_type="audio/wav", headers=headers)
