"""The greeting of an agent as sound, so that a caller hears it before OpenAI has answered."""

from django.db import models

from calls.models.business import Agent


class KeptGreeting(models.Model):
    """One an agent: recorded from the model's own voice, and good for exactly the words, voice and model it is of."""

    agent = models.OneToOneField(Agent, on_delete=models.CASCADE, related_name="kept_greeting")
    digest = models.CharField(max_length=64, help_text="Of words, voice and model: another one is not played.")
    text = models.TextField()
    voice = models.CharField(max_length=40)
    model = models.CharField(max_length=60)
    sound = models.BinaryField(help_text="8 kHz mu-law.")
    ms = models.PositiveIntegerField(help_text="Its length.")
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Greeting of {self.agent_id}, {self.ms} ms"
