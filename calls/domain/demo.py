"""The business of the demonstration: the one that the scripted calls in calls/emulators/scenarios ring."""

import secrets
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import transaction

from calls.domain import demo_trade
from calls.models import Agent, Business, PhoneLine

BUSINESS_NAME = "Cedar Plumbing"
LINE_NUMBER = "+15550109999"
HANDOVER_NUMBER = "+15550108000"
USERNAME = "admin"

INSTRUCTIONS = """\
A family business of plumbers. Work: leaks, drains, water heaters, toilets, sump pumps, frozen pipes. No gas lines.
A plumber calls back within two hours as a rule.
Water that cannot be stopped: the main valve is usually where the pipe enters the house; tell the caller to close it.
Numbers are read digit by digit. Times are told as people say them, for example "after four in the afternoon".
"""


@dataclass(frozen=True, slots=True)
class Demo:
    """What stands in the database after `load_demo`; `password` only if a staff login was made just now."""

    business: Business
    agent: Agent
    line: PhoneLine
    username: str | None
    password: str | None


@transaction.atomic
def load_demo() -> Demo:
    """Make what is missing of the demonstration; what is there, edited or not, stays as it is."""
    line = PhoneLine.objects.select_related("business", "agent").filter(number=LINE_NUMBER).first()
    business = line.business if line else _business()
    demo_trade.load_trade(business=business)
    agent = line.agent if line and line.agent else _agent(business)
    if line is None:
        line = PhoneLine.objects.create(business=business, agent=agent, number=LINE_NUMBER, label="Demonstration")
    elif line.agent is None:
        line.agent = agent
        line.save(update_fields=["agent"])
    username, password = _staff_login()
    return Demo(business=business, agent=agent, line=line, username=username, password=password)


def _business() -> Business:
    return Business.objects.filter(name=BUSINESS_NAME).first() or Business.objects.create(
        name=BUSINESS_NAME, handover_number=HANDOVER_NUMBER, **demo_trade.BUSINESS
    )


def _agent(business: Business) -> Agent:
    return business.agents.first() or Agent.objects.create(business=business, instructions=INSTRUCTIONS)


def _staff_login() -> tuple[str | None, str | None]:
    """A superuser, if nobody can log in to the admin yet. The password is known to the caller alone, and only now."""
    users = get_user_model()._default_manager
    if users.filter(is_staff=True, is_active=True).exists() or users.filter(username=USERNAME).exists():
        return None, None
    password = secrets.token_urlsafe(12)
    users.create_superuser(username=USERNAME, password=password)
    return USERNAME, password
