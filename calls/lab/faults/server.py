"""A server that tells what it holds, if need be without one of its guards, or with something broken.

`python -m calls.lab.faults.server GUARD BREAKAGE serve …`, where `-` stands for none.
"""

import os
import sys

import django
from django.core.management import execute_from_command_line

NONE = "-"

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voiceagent.settings")
    django.setup()
    from calls.lab.faults.broken import BREAKAGES
    from calls.lab.faults.weakened import GUARDS
    from calls.lab.watched import tell_on_signal

    tell_on_signal()
    guard, breakage, *arguments = sys.argv[1:]
    if guard != NONE:
        GUARDS[guard].take_away()
    if breakage != NONE:
        BREAKAGES[breakage]()
    execute_from_command_line(["manage.py", *arguments])
