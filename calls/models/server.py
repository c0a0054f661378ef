"""The processes that carry calls."""

from django.db import models


class Server(models.Model):
    """One run of a server. It says every few seconds that it lives; who says nothing any more is dead, and others close
    its calls."""

    class Ending(models.TextChoices):
        STOPPED = "stopped", "Stopped"
        GONE = "gone", "Died"
        SILENT = "silent", "Fell silent"

    instance = models.CharField(max_length=32, unique=True, help_text="As /healthz says it.")
    host = models.CharField(max_length=255)
    machine = models.CharField(max_length=32, help_text="Equal where process ids can be compared.")
    pid = models.PositiveIntegerField("process")
    pid_began = models.BigIntegerField(default=0, help_text="When the process began, by its system; 0: not known.")
    version = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField("started")
    heartbeat_at = models.DateTimeField("last sign of life")
    ended_at = models.DateTimeField("ended", null=True, blank=True)
    ending = models.CharField(max_length=8, choices=Ending, blank=True)

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["ended_at"])]

    def __str__(self) -> str:
        return f"{self.host}, process {self.pid}"
