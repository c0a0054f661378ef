"""What the doctor found, and when: the health of the line over time; and the sign of life that workers give."""

from django.db import models


class DoctorRun(models.Model):
    """One diagnosis. Its findings are kept as they were told, without any secret."""

    class Source(models.TextChoices):
        COMMAND = "command", "manage.py doctor"
        PAGE = "page", "Diagnostic page"
        ADMIN = "admin", "Admin"

    class Result(models.IntegerChoices):
        """The exit code of the command."""

        WELL = 0, "All well"
        WARNINGS = 1, "To look at"
        FAILURES = 2, "Failed"

    began_at = models.DateTimeField(db_index=True)
    took_ms = models.PositiveIntegerField()
    source = models.CharField(max_length=7, choices=Source)
    is_complete = models.BooleanField(help_text="All checks, and not a few that were asked for.")
    result = models.PositiveSmallIntegerField(choices=Result)
    summary = models.TextField()
    findings = models.JSONField(help_text="As `manage.py doctor --json` gives them.")

    class Meta:
        verbose_name = "diagnosis"
        verbose_name_plural = "diagnoses"
        ordering = ["-began_at", "-pk"]

    def __str__(self) -> str:
        return f"Diagnosis {self.pk}"


class WorkerPulse(models.Model):
    """A worker that lives says so here; what is older than a minute or two is dead."""

    worker_id = models.CharField(max_length=32, primary_key=True)
    host = models.CharField(max_length=100)
    pid = models.PositiveIntegerField()
    queues = models.JSONField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"worker {self.pid} on {self.host}"
