#!/usr/bin/env python3
"""Django's command line, with settings problems as one line."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError, ProgrammingError
from django.db.migrations.exceptions import MigrationSchemaMissing

from accounts.database.connection import in_one_line
from portal.env import SettingsProblem


def main() -> None:
    """Run a management command; a wrong setting or database stops it with one line."""
    # Static files are for everybody, the service's user too; whatever else is written is not.
    os.umask(0o022 if sys.argv[1:2] == ["collectstatic"] else 0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        execute_from_command_line(sys.argv)
    except SettingsProblem as problem:
        sys.exit(str(problem))
    except (OperationalError, ProgrammingError, MigrationSchemaMissing) as error:
        sys.exit(
            f"The database cannot be used: {in_one_line(error)}. Has it been made (./run manage "
            f"migrate, as the role that owns it: docs/operations.md, step 5)?"
        )
    except OSError as error:
        sys.exit(f"{error.filename or 'A file'} cannot be written: {error.strerror}.")


if __name__ == "__main__":
    main()
