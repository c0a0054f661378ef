"""Tools that steer the telephone call itself."""

from calls.tools.registry import ToolContext, tool


@tool(
    description=(
        "Hang up. Call it when the caller has said goodbye or has nothing more, after you have said goodbye yourself."
    ),
    properties={},
    then="end_call",
)
def end_call(context: ToolContext) -> dict[str, str]:
    return {"status": "ok", "next": "If you have not said goodbye yet, say it now in one short sentence."}
