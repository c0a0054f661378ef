"""What of a business, an agent or a line works, but should be looked at."""

from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from calls.models import Agent, Business, PhoneLine, catalog, validators


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that works but should be looked at: a few words for the list, a sentence for after saving."""

    short: str
    sentence: str


def of_business(business: Business) -> list[Warned]:
    if business.handover_number:
        return _number_warnings(business.handover_number)
    if settings.HANDOVER_NUMBER:
        return []
    sentence = (
        "There is no hand-over number: a caller who needs a person, or who calls while OpenAI cannot be reached, can "
        "only leave a voicemail."
    )
    return [Warned("No person to hand over to", sentence)]


def of_agent(agent: Agent) -> list[Warned]:
    warnings = []
    if not validators.says_it_is_automated(agent.greeting):
        sentence = (
            "The greeting does not say that an automated or virtual assistant is speaking. In the European Union and "
            "in several states of the USA callers must be told."
        )
        warnings.append(Warned("Greeting hides the machine", sentence))
    today = timezone.localdate()
    if agent.model and (refusal := catalog.refusal_of_model(agent.model, today=today)):
        warnings.append(Warned("Model cannot be used", refusal))
    elif warning := catalog.warning_about_model(agent.model, today=today):
        warnings.append(Warned("Model is shut down soon", warning))
    if refusal := catalog.refusal_of_voice(agent.voice):
        warnings.append(Warned("Voice cannot be used", refusal))
    return warnings


def of_line(line: PhoneLine) -> list[Warned]:
    warnings = _number_warnings(line.number)
    if line.agent is None:
        sentence = "No agent answers this line: its callers are put through to the hand-over number at once."
        warnings.append(Warned("No agent", sentence))
    return warnings


def _number_warnings(number: str) -> list[Warned]:
    warning = validators.warning_about_number(number)
    return [Warned("Number not in use?", warning)] if warning else []
