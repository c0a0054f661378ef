from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("calls", "0006_room_for_what_a_quote_leaves_out"),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="email",
            field=models.EmailField(
                blank=True,
                default="",
                help_text="Where letters about it go, if not to the customer's own address.",
                max_length=254,
            ),
            preserve_default=False,
        ),
    ]
