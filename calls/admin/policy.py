"""What a page may load: its own files, the sound of recordings at Twilio, and nothing else.

Words of callers stand on these pages. Were one ever to get out of its escaping, the browser would still not run it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' https://api.twilio.com; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@sync_and_async_middleware
def content_security_policy(
    get_response: Callable[[HttpRequest], Any],
) -> Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]:
    """Middleware; without a thread of its own on the asynchronous side, where webhooks pass through it too."""

    def with_policy(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        # Django's own error pages, which only DEBUG shows, bring their style with them.
        if is_page and not (settings.DEBUG and response.status_code >= 400):
            response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    if iscoroutinefunction(get_response):

        async def asynchronously(request: HttpRequest) -> HttpResponse:
            return with_policy(request, await get_response(request))

        return asynchronously

    def synchronously(request: HttpRequest) -> HttpResponse:
        return with_policy(request, get_response(request))

    return synchronously
