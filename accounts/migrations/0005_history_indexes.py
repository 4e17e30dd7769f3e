"""The record can be walked from its newest row on by whatever a page asks for; counts for plots."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_administration"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.CharField(max_length=7)),
                ("account", models.CharField(max_length=100)),
                ("launches", models.PositiveIntegerField(default=0)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="QuarterTally",
            fields=[
                ("quarter", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("launches", models.PositiveIntegerField(default=0)),
                ("production", models.PositiveIntegerField(default=0)),
                ("trouble", models.PositiveIntegerField(default=0)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False),
                ),
                ("counted", models.BigIntegerField(default=0)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.RemoveIndex(
            model_name="entry",
            name="entry_by_actor",
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["time", "id"], name="entry_by_time"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                fields=["actor_key", "time", "id", "phase", "action", "outcome", "account"],
                name="entry_by_actor_key",
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                fields=["actor", "time", "id", "phase", "action", "outcome", "account"],
                name="entry_by_actor",
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["account", "time", "id"], name="entry_by_account"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["account", "role", "time", "id"], name="entry_by_role"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["action", "time", "id"], name="entry_by_action"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("outcome__in", ("denied", "failed"))),
                fields=["time", "id"],
                name="entry_by_trouble",
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["session_name", "time", "id"], name="entry_by_session_name"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["ip", "time", "id"], name="entry_by_ip"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["request_id"], name="entry_by_request_id"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["access_key_id"], name="entry_by_access_key_id"),
        ),
        migrations.AddConstraint(
            model_name="accounttally",
            constraint=models.UniqueConstraint(
                fields=("month", "account"), name="one_tally_a_month_of_an_account"
            ),
        ),
    ]
