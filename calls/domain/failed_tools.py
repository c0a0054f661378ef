"""Tools that failed: the caller was told that it did not work, and wanted it all the same."""

from calls.domain.late_tools import LOOK_UP_ONLY
from calls.models import Call, ToolCall


def unmended(*, call: Call) -> tuple[str, str]:
    """What a person should know of a tool that failed, and what is to be done about it; blank for nothing.

    Mended is what worked when it was asked for once more.
    """
    for failed in call.tool_calls.filter(status=ToolCall.Status.FAILED).exclude(name__in=LOOK_UP_ONLY):
        later = call.tool_calls.filter(name=failed.name, started_ms__gte=failed.started_ms, status=ToolCall.Status.OK)
        if not later.exists():
            what = failed.name.replace("_", " ")
            return f"“{what}” failed.", f"Call back: “{what}” did not work."
    return "", ""
