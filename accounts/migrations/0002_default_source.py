"""The credential source ``default`` exists without being named."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def make_default_source(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Lay botocore's default chain as the first source."""
    source = apps.get_model("accounts", "CredentialSource")
    source.objects.get_or_create(name="default", defaults={"profile": ""})


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(make_default_source, migrations.RunPython.noop)]
