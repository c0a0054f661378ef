"""What callers ask about the business."""

from typing import Any

from calls.domain import answers
from calls.tools.registry import Refused, ToolContext, tool


@tool(
    description=(
        "Look up the approved answer to a question about the business: license, insurance, payment, warranty, brands, "
        "hours, and the like. Give no answer of your own to such a question."
    ),
    properties={
        "question": {
            "type": "string",
            "minLength": 1,
            "maxLength": 300,
            "description": "The caller's question in a few plain words, one question at a time.",
        }
    },
    required=("question",),
)
def answer_question(context: ToolContext, *, question: str) -> dict[str, Any]:
    try:
        found = answers.answer_question(call_id=context.call_id, question=question, now=context.now)
    except answers.NoQuestion:
        raise Refused("There is no question in that. Ask what the caller would like to know.") from None
    if found.answer:
        return {"known": True, "question": found.question, "answer": found.answer}
    answer: dict[str, Any] = {
        "known": False,
        "next": "Say that you do not know, and that somebody will tell them. Offer to take a message. Guess nothing.",
    }
    if found.similar:
        answer["answered_questions"] = list(found.similar)
        answer["next"] = (
            "If one of answered_questions is what the caller means, call this again with its very words. Otherwise say "
            "that you do not know, and that somebody will tell them. Offer to take a message. Guess nothing."
        )
    return answer
