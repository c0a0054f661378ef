import functools
from pathlib import Path
from typing import Any

from daphne.management.commands import runserver
from daphne.server import Server
from django.conf import settings
from django.core.management.base import CommandError
from django.utils.autoreload import file_changed

from calls import serving
from calls.heartbeat import heartbeat
from calls.lab import development
from calls.lab.processes import ChildFailed
from calls.models import Call
from calls.relay import live
from calls.standby import standby
from calls.worker import Worker


class Command(runserver.Command):
    """Daphne's development server; it says where to look, emulators play who has no key yet, and a worker runs."""

    def handle(self, *args: Any, **options: Any) -> None:
        self.default_port = str(settings.PORT)
        self.server_cls = functools.partial(Server, ready_callable=self._ready)
        if development.is_reloaded():
            super().handle(*args, **options)
            return
        try:
            with development.surroundings():
                super().handle(*args, **options)
        except ChildFailed as error:
            raise CommandError(str(error)) from None

    def run(self, **options: Any) -> None:
        if not development.is_reloaded():
            self._demand_port()
        super().run(**options)

    def _demand_port(self) -> None:
        if self.use_ipv6:
            return
        try:
            serving.listen(int(self.port), self.addr).close()
        except serving.PortTaken as error:
            raise CommandError(str(error)) from None

    def _ready(self) -> None:
        development.note_emulator()
        development.say_where(self.port, self._tell)
        standby.start()
        heartbeat.start()
        file_changed.connect(self._reload)
        # Never stopped: its threads go with the process, and what they had in hand is free again with its lease.
        Worker(tell=self._tell).start()

    def _reload(self, *, file_path: Path, **signal: Any) -> None:
        """Before the reloader ends this process; in its thread. Templates are reloaded without an end."""
        if file_path.suffix == ".py":
            serving.end_calls(live, Call.EndReason.SERVER_RESTART)
            heartbeat.stop()

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
