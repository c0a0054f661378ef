"""Is this process alive, is it ready, and why is a line silent: the addresses that programs and people ask."""

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from calls import database


@require_safe
@never_cache
async def healthz(request: HttpRequest) -> HttpResponse:
    """Alive, without touching the database; the instance id tells this process from another program on the port."""
    return JsonResponse({"status": "ok", "instance": settings.INSTANCE_ID})


@require_safe
@never_cache
async def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and has every migration, else 503 with what is missing."""
    missing = await database.run(_what_the_database_lacks)
    status = "not ready" if missing else "ready"
    return JsonResponse({"status": status, "missing": missing}, status=503 if missing else 200)


def _what_the_database_lacks() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return ["database"]
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


@require_safe
@never_cache
async def line(request: HttpRequest) -> HttpResponse:
    """The road that a telephone call takes, walked from the outside."""
    return await _staff_only(request)


@require_safe
@never_cache
async def openai(request: HttpRequest) -> HttpResponse:
    """The road to OpenAI, up to the session that a call would use."""
    return await _staff_only(request)


async def _staff_only(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return await readyz(request) if user.is_staff else HttpResponse("Staff only.\n", "text/plain", status=403)
