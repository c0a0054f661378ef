"""How late the machine comes to what is due: the measure by which a call may be said to have been played too slowly."""

import threading
import time

EVERY_SECONDS = 0.01


class Strain:
    """While it is open, a thread asks to be woken again and again: `worst_ms` is the latest that it was."""

    def __init__(self):
        self.worst_ms = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _measure(self):
        due = time.monotonic() + EVERY_SECONDS
        while not self._over.wait(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            self.worst_ms = max(self.worst_ms, round((now - due) * 1000))
            due = now + EVERY_SECONDS
