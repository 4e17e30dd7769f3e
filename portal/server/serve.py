"""``./run serve``: check the settings, lay the database, then become the production server.

Whatever stands in the way is one line on standard error, before anything is served.
"""

import errno
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import Error, connections
from gunicorn.app.wsgiapp import WSGIApplication

from accounts.database.connection import in_one_line
from portal import health
from portal.checks import SETTINGS
from portal.env import SettingsProblem
from portal.server import connection_limit, static_files

log = logging.getLogger(__name__)

SERVER_CONFIGURATION = Path(__file__).with_name("gunicorn_conf.py")


def main() -> None:
    """Serve in the foreground until told to stop."""
    os.umask(0o077)
    # Until gunicorn listens for it: as a container's first process nobody else would end this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        prepare()
    except SettingsProblem as problem:
        sys.exit(str(problem))
    serve()


def prepare() -> None:
    """Do what must be done once before the workers start. Raises SettingsProblem."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    _require_free_port()
    for warning in run_checks(tags=[SETTINGS]):
        log.warning("settings", extra={"facts": {"warning": warning.msg, "hint": warning.hint}})
    try:
        if settings.PORTAL_MIGRATE:
            call_command("migrate", interactive=False, verbosity=0)
        connections["default"].ensure_connection()
        connection_limit.require_room()
        health.tell_readiness()
        static_files.lay()
    except Error as error:
        raise SettingsProblem(
            f"DATABASE_URL leads to {settings.DATABASE.shown}, which cannot be used: "
            f"{in_one_line(error)}."
        ) from error
    except OSError as error:
        raise SettingsProblem(
            f"{error.filename or 'A file'} cannot be written: {error.strerror}."
        ) from error
    connections.close_all()


def serve() -> None:
    """Become the server; ends the process when told to stop."""
    sys.argv = ["gunicorn", "--config", str(SERVER_CONFIGURATION), "portal.wsgi"]
    WSGIApplication("%(prog)s").run()


def _require_free_port() -> None:
    family = socket.AF_INET6 if ":" in settings.BIND else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.BIND, settings.PORT))
        except OSError as error:
            advice = f"choose another, such as PORT={settings.PORT + 1}"
            if error.errno == errno.EADDRNOTAVAIL:
                advice = f"BIND={settings.BIND} is no address of this machine"
            elif error.errno == errno.EACCES:
                advice = "ports below 1024 are root's, choose a higher one"
            raise SettingsProblem(
                f"PORT is {settings.PORT}, which cannot be listened on at {settings.BIND} "
                f"({error.strerror}); {advice}."
            ) from error


if __name__ == "__main__":
    main()
