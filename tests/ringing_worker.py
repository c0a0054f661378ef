"""A worker that does nothing but ring callbacks, quicker than a real one gives up; run as a process, to be killed.

It takes its time between the commit of an attempt and the request, so that a kill falls into each of the gaps.
"""

import functools
import random
import time
from datetime import timedelta

import django


def main():
    django.setup()
    from calls import tasks, telephone, worker  # noqa: PLC0415 - Django stands now
    from calls.domain import callback_dialing  # noqa: PLC0415

    class Hesitating(telephone.TwilioTelephone):
        def ring_callback(self, **asked):
            time.sleep(random.uniform(0, 0.1))
            call_sid = super().ring_callback(**asked)
            time.sleep(random.uniform(0, 0.05))
            return call_sid

    telephone.TwilioTelephone = Hesitating
    callback_dialing.NOT_PLACED_AFTER = [timedelta(seconds=1)] * 20
    callback_dialing.MOST_NOT_PLACED = 21
    callback_dialing.ring = functools.partial(callback_dialing.ring, lease=timedelta(seconds=4))
    worker.PAUSE_SECONDS = 0.05
    duties = [duty for duty in tasks.DUTIES if duty.queue == "ring_callbacks"]
    ours = worker.Worker(tell=lambda line: None, duties=duties)
    ours.start()
    ours.wait()


if __name__ == "__main__":
    main()
