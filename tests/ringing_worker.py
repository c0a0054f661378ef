"""A worker that does nothing but ring callbacks, quicker than a real one gives up; run as a process, to be killed.

It takes its time between the commit of an attempt and the request, so that a kill falls into each of the gaps.
"""

import random
import time
from datetime import timedelta

import django


def main():
    django.setup()
    from django.conf import settings  # noqa: PLC0415 - Django stands now
    from django.utils import timezone  # noqa: PLC0415

    from calls import telephone  # noqa: PLC0415
    from calls.domain import callback_dialing  # noqa: PLC0415
    from calls.twilio import rest  # noqa: PLC0415

    class Hesitating(telephone.TwilioTelephone):
        def ring_callback(self, **asked):
            time.sleep(random.uniform(0, 0.1))
            call_sid = super().ring_callback(**asked)
            time.sleep(random.uniform(0, 0.05))
            return call_sid

    callback_dialing.NOT_PLACED_AFTER = [timedelta(seconds=1)] * 20
    callback_dialing.MOST_NOT_PLACED = 21
    client = rest.Client(
        account_sid=settings.TWILIO_ACCOUNT_SID,
        auth_token=settings.TWILIO_AUTH_TOKENS[0],
        base_url=settings.TWILIO_API_BASE_URL,
    )
    ours = Hesitating(client, settings.PUBLIC_BASE_URL)
    while True:
        steps = list(callback_dialing.ring_due(telephone=ours, now=timezone.now(), lease=timedelta(seconds=4), most=1))
        if not steps:
            time.sleep(0.05)


if __name__ == "__main__":
    main()
