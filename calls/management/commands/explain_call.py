import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from calls.domain.explanation import Explanation, explain
from calls.domain.explanation_words import span
from calls.models import Call
from calls.tools import registry


class Command(BaseCommand):
    help = "Say what the caller experienced in a call and why, whose it is, and what mends it."
    requires_system_checks: list[str] = []  # what keeps calls from working now says nothing of this one

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("call_sid", metavar="SID", help="The CallSid, or enough of its end to tell it from others.")
        parser.add_argument(
            "--json", action="store_true", help="Print one JSON document, with the call's events and tools."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        call = _find(options["call_sid"])
        explanation = explain(call, now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(_document(call, explanation), indent=2, ensure_ascii=False, default=str))
        else:
            self._print(call, explanation)

    def _print(self, call: Call, explanation: Explanation) -> None:
        paint = self.style.ERROR if explanation.is_fault else self.style.SUCCESS
        self.stdout.write(f"{call.call_sid}, {call.rang_at:%Y-%m-%d %H:%M:%S %Z}")
        self.stdout.write(paint(explanation.title))
        self.stdout.write(f"\n{explanation.said}\n")
        lines = [("cause", explanation.cause.value), ("whose", explanation.party.value), ("remedy", explanation.remedy)]
        lines += [("silence", f"{span(s.ms)} from {span(s.start_ms)} on: {s.because}") for s in explanation.silences]
        lines += [("also", ", ".join(cause.value for cause in explanation.also))]
        for name, text in lines:
            if text:
                self.stdout.write(f"{name + ':':<9} {text}")


def _find(asked: str) -> Call:
    found = list(Call.objects.filter(call_sid__endswith=asked.strip())[:2]) if asked.strip() else []
    if not found:
        raise CommandError(f"No call {asked}. The CallSid stands on the call's page in the admin and in Twilio's log.")
    if len(found) > 1:
        raise CommandError(f"More than one call ends in {asked}: give the whole CallSid.")
    return found[0]


def _document(call: Call, explanation: Explanation) -> dict[str, Any]:
    """Nothing in it was said by a caller, and no number of one."""
    return {
        "call_sid": call.call_sid,
        "rang_at": call.rang_at.isoformat(),
        "status": call.status,
        "end_reason": call.end_reason,
        **explanation.as_dict(),
        "events": [
            {"kind": kind, "at_ms": at_ms, "detail": detail}
            for kind, at_ms, detail in call.events.values_list("kind", "at_ms", "detail")
        ],
        "tool_calls": _tool_calls(call),
    }


def _tool_calls(call: Call) -> list[dict[str, Any]]:
    """Without arguments and results, which are a caller's words; so may be a name that the model has made up."""
    known = {str(schema["name"]) for schema in registry.schemas()}
    rows = call.tool_calls.order_by("started_ms", "pk").values_list("name", "status", "started_ms", "duration_ms")
    return [
        {"name": name if name in known else "(unknown)", "status": status, "at_ms": at_ms, "ms": ms}
        for name, status, at_ms, ms in rows
    ]
