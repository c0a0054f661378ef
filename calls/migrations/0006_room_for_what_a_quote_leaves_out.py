from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("calls", "0005_who_was_reached"),
    ]

    operations = [
        migrations.AlterField(
            model_name="quote",
            name="not_included",
            field=models.CharField(blank=True, max_length=500),
        ),
    ]
