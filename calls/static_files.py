"""The admin's styles and scripts under an ASGI server: WhiteNoise, whose middleware was made for WSGI."""

import asyncio
from collections.abc import Awaitable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticFiles(WhiteNoiseMiddleware):
    """Files are answered whole instead of as a synchronous stream.

    Such a stream Django can send over ASGI only by reading it to its end first, and it warns of that at each file.
    Whatever is no file passes through without a thread: webhooks do, and callers wait for those.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response, **options) -> None:
        super().__init__(get_response, **options)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        return self._asynchronously(request) if iscoroutinefunction(self) else super().__call__(request)

    async def _asynchronously(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(self.static_prefix):
            return await asyncio.to_thread(self._synchronously, request) or await self.get_response(request)
        return await self.get_response(request)

    def _synchronously(self, request: HttpRequest) -> HttpResponse | None:
        """The file that is asked for; None when there is none."""
        look_up = self.find_file if self.autorefresh else self.files.get
        file = look_up(request.path_info)
        return self.serve(file, request) if file else None

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file:
            with found.file as file:
                content = file.read()
        response = HttpResponse(content, status=int(found.status))
        del response["Content-Type"]  # WhiteNoise names it, and 304 has none
        for name, value in found.headers:
            response[name] = value
        return response
