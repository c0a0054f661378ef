"""What calls leave to be done."""

from django.db import models

from calls.models.business import Business
from calls.models.call import Call


class Message(models.Model):
    """A message that the agent took for the business."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="messages")
    call = models.ForeignKey(Call, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages")
    caller_name = models.CharField(max_length=100, blank=True)
    number = models.CharField("call back on", max_length=64, blank=True)
    text = models.TextField("message")
    taken_at = models.DateTimeField()
    is_done = models.BooleanField("done", default=False)

    class Meta:
        ordering = ["is_done", "-taken_at"]
        constraints = [models.UniqueConstraint(fields=["call", "text"], name="one_message_per_text_and_call")]

    def __str__(self) -> str:
        return f"Message from {self.caller_name or 'a caller'}"  # no number: this line is shown and logged to everybody
