"""The production server's configuration, all of it from the portal's settings.

Threads, because a launch spends its time waiting for AWS: each worker process serves
``PORTAL_THREADS`` people at once. The application is loaded before the workers fork, which halves
the start and shares memory; it opens no connection until then.
"""

import logging
from pathlib import Path
from typing import Any

from portal import settings

_MEMORY_DISK = Path("/dev/shm")  # noqa: S108 gunicorn's own heartbeat file, named by it

_host = f"[{settings.BIND}]" if ":" in settings.BIND else settings.BIND
bind = f"{_host}:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
threads = settings.PORTAL_THREADS
worker_class = "gthread"
preload_app = True

# A launch may take its whole budget, and a stop waits for the launches in flight.
timeout = settings.PORTAL_UPSTREAM_TIMEOUT_SECONDS + 20
graceful_timeout = settings.PORTAL_UPSTREAM_TIMEOUT_SECONDS + 5
keepalive = 5
backlog = 512

# A console address of 2,048 characters, percent-encoded, has to fit into the request line.
limit_request_line = 8190
# No header of anybody decides the scheme or the address that a request came from.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

accesslog = None
errorlog = "-"
loglevel = "warning"
logconfig_dict = settings.LOGGING
control_socket_disable = True
worker_tmp_dir = str(_MEMORY_DISK) if _MEMORY_DISK.is_dir() else None


def when_ready(server: Any) -> None:
    """Tell the operator that people can come."""
    facts = {"address": bind, "workers": workers, "threads": threads, "url": settings.PORTAL_URL}
    logging.getLogger("portal.serve").info("serving", extra={"facts": facts})
