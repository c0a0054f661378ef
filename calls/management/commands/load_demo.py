"""`manage.py load_demo`: the demonstration's business, agent and line, and a first staff login."""

import json

from django.core.management.base import BaseCommand

from calls.domain import demo


class Command(BaseCommand):
    help = "Load the demonstration business and, if nobody can log in yet, make a staff login. Can be run again."
    requires_system_checks = []  # a missing key is not this command's subject, and its output stays readable

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")

    def handle(self, **options):
        loaded = demo.load_demo()
        if options["json"]:
            self.stdout.write(json.dumps(_as_dict(loaded)))
            return
        agent = f"{loaded.agent.name} answers {loaded.line.number} for {loaded.business.name}"
        person = loaded.business.handover_number
        self.stdout.write(f"{agent}; a caller who needs a person reaches {person}." if person else f"{agent}.")
        if loaded.password:
            self.stdout.write(f"Staff login (shown only this once): {loaded.username} / {loaded.password}")
        else:
            self.stdout.write(
                "There is a staff login already. A forgotten password: manage.py changepassword USERNAME; "
                "one more login: manage.py createsuperuser."
            )


def _as_dict(loaded):
    login = {"username": loaded.username, "password": loaded.password} if loaded.password else None
    return {
        "business": {"id": loaded.business.pk, "name": loaded.business.name},
        "agent": {"id": loaded.agent.pk, "name": loaded.agent.name},
        "line": {"id": loaded.line.pk, "number": loaded.line.number},
        "handover_number": loaded.business.handover_number,
        "login": login,
    }
