from datetime import date
from decimal import Decimal

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

# US list prices in dollars: OpenAI's a million tokens, as its pages on models said on 2026-11-20, and Twilio's a minute.
SINCE = date(2026, 11, 20)
ITEMS = ["text_in", "text_cached", "text_out", "audio_in", "audio_cached", "audio_out"]
TOKENS = {
    "gpt-realtime-2.1": ["4", "0.40", "24", "32", "0.40", "64"],
    "gpt-realtime-2.1-mini": ["0.60", "0.06", "2.40", "10", "0.30", "20"],
    "gpt-realtime-2": ["4", "0.40", "24", "32", "0.40", "64"],
    "gpt-realtime-1.5": ["4", "0.40", "16", "32", "0.40", "64"],
}
MINUTES = {"inbound": "0.0085", "outbound": "0.0140", "stream": "0.0040"}


def enter_prices(apps, schema_editor):
    prices = apps.get_model("calls", "Price").objects
    for model, dollars in TOKENS.items():
        for item, amount in zip(ITEMS, dollars, strict=True):
            prices.get_or_create(item=item, model=model, since=SINCE, defaults={"dollars": Decimal(amount)})
    for item, amount in MINUTES.items():
        prices.get_or_create(item=item, model="", since=SINCE, defaults={"dollars": Decimal(amount)})


class Migration(migrations.Migration):
    dependencies = [
        ("calls", "0010_keep_the_greeting_as_sound"),
    ]

    operations = [
        migrations.AddField(
            model_name="business",
            name="budget_a_day",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="What calls may cost at OpenAI and Twilio in a day; then callers reach a person. Blank: no limit.",
                max_digits=8,
                null=True,
                verbose_name="budget of a day (US dollars)",
            ),
        ),
        migrations.AddField(
            model_name="business",
            name="calls_at_once",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="The most that the agent has at a time; others reach a person. Blank: no limit.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="business",
            name="minutes_a_day",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="The most that the agent speaks in a day, all calls together. Blank: no limit.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="cached_audio_tokens",
            field=models.PositiveIntegerField(default=0, help_text="Those of the cached that were sound."),
        ),
        migrations.AddField(
            model_name="call",
            name="input_audio_tokens",
            field=models.PositiveIntegerField(default=0, help_text="Those of the input that were sound."),
        ),
        migrations.AddField(
            model_name="call",
            name="model_cost",
            field=models.DecimalField(
                blank=True,
                decimal_places=6,
                help_text="At OpenAI, in US dollars; blank: not known.",
                max_digits=10,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="output_audio_tokens",
            field=models.PositiveIntegerField(default=0, help_text="Those of the output that were sound."),
        ),
        migrations.AddField(
            model_name="call",
            name="telephone_cost",
            field=models.DecimalField(
                blank=True,
                decimal_places=6,
                help_text="At Twilio, in US dollars; blank: not known.",
                max_digits=10,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="phoneline",
            name="fallback_url",
            field=models.URLField(
                blank=True,
                help_text='What stands in Twilio under "Primary handler fails": the address of a TwiML Bin, on a host that is not this one.',
                max_length=300,
                verbose_name="address while this server is off",
            ),
        ),
        migrations.CreateModel(
            name="LoginBucket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64, unique=True)),
                ("full_at", models.DateTimeField(help_text="When all attempts are free again.")),
                (
                    "known_until",
                    models.DateTimeField(blank=True, help_text="Who has logged in from here is known.", null=True),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["full_at"], name="calls_login_full_at_e23ecc_idx")],
            },
        ),
        migrations.CreateModel(
            name="Price",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "item",
                    models.CharField(
                        choices=[
                            ("text_in", "Text in (a million tokens)"),
                            ("text_cached", "Text in, cached (a million tokens)"),
                            ("text_out", "Text out (a million tokens)"),
                            ("audio_in", "Sound in (a million tokens)"),
                            ("audio_cached", "Sound in, cached (a million tokens)"),
                            ("audio_out", "Sound out (a million tokens)"),
                            ("inbound", "Call that comes in (a minute)"),
                            ("outbound", "Call that is placed (a minute)"),
                            ("stream", "Media stream (a minute)"),
                        ],
                        max_length=12,
                        verbose_name="for",
                    ),
                ),
                (
                    "model",
                    models.CharField(blank=True, help_text="Of OpenAI; blank for what Twilio asks for.", max_length=60),
                ),
                ("dollars", models.DecimalField(decimal_places=6, max_digits=10, verbose_name="US dollars")),
                (
                    "since",
                    models.DateField(
                        default=django.utils.timezone.localdate, help_text="The first day on which it counts."
                    ),
                ),
            ],
            options={
                "ordering": ["model", "item", "-since"],
                "constraints": [models.UniqueConstraint(fields=("item", "model", "since"), name="one_price_a_day")],
            },
        ),
        migrations.CreateModel(
            name="ListedNumber",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(help_text="The caller's number, as +15551234567.", max_length=16)),
                (
                    "treatment",
                    models.CharField(
                        choices=[
                            ("blocked", "Blocked: a short sentence, then the end"),
                            ("direct", "Direct: the hand-over number rings at once"),
                        ],
                        default="blocked",
                        max_length=7,
                        verbose_name="what happens",
                    ),
                ),
                ("note", models.CharField(blank=True, help_text="Who it is, and why.", max_length=200)),
                ("added_at", models.DateTimeField(auto_now_add=True)),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="listed_numbers", to="calls.business"
                    ),
                ),
            ],
            options={
                "verbose_name": "blocked or direct number",
                "ordering": ["treatment", "number"],
                "constraints": [
                    models.UniqueConstraint(fields=("business", "number"), name="one_treatment_per_number")
                ],
            },
        ),
        migrations.RunPython(enter_prices, migrations.RunPython.noop),
    ]
