"""The production server's configuration, all of it from the portal's settings.

Threads, because a launch spends its time waiting for AWS: each worker process serves
``PORTAL_THREADS`` people at once. Workers, one for each core, because one process computes on one
core at a time. Of 16 threads at most 13 wait for AWS or the directory, and 10 for one partition
(portal.bulkhead); the others serve pages and health checks meanwhile. A launch computes for some
15 ms and waits for AWS for some hundred: more threads than 16 for a core only queue for it.

The application is loaded before the workers fork, which halves the start and shares memory; it
opens no connection until then. Workers are not replaced after so many requests: their memory stays
where some thousand requests bring it, and a replacement would cost whoever it meets.

SIGTERM: nobody is let in any more, launches in flight end and are recorded, idle connections are
closed within two seconds, exit status 0. SIGINT (Ctrl-C) ends at once: acts in flight stay
``started``. SIGHUP: new workers take over, the old ones finish. A worker that dies is replaced.
"""

import logging
from pathlib import Path
from typing import Any

from portal import broker_check, settings
from portal.server import load_shedding

_MEMORY_DISK = Path("/dev/shm")  # noqa: S108 gunicorn's own heartbeat file, named by it

_host = f"[{settings.BIND}]" if ":" in settings.BIND else settings.BIND
bind = f"{_host}:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
threads = settings.PORTAL_THREADS
worker_class = "portal.server.slow_clients.Worker"
# Enough for whoever waits; with their databases' and AWS's connections fewer than the 1,024 files
# that a process may usually open.
worker_connections = max(500, 2 * threads)
# Every answer is sent by the worker's deadline.
sendfile = False
preload_app = True

# A launch may take its whole budget at AWS, before that twice the directory's timeout, and its turn
# in the record; a stop waits for the launches in flight.
_directory_seconds = 2 * settings.DIRECTORY.timeout_seconds if settings.DIRECTORY else 0
graceful_timeout = settings.PORTAL_UPSTREAM_TIMEOUT_SECONDS + _directory_seconds + 5
# The loop's heartbeat, not a request's: only a process that does not run at all goes without it.
timeout = graceful_timeout + 15
# Idle connections cost no thread. Longer than load balancers keep theirs (AWS's: 60 s), or one of
# them may send a request into a connection that is just being closed.
keepalive = 75
backlog = 512

# A console address of 2,048 characters, percent-encoded, has to fit into the request line.
limit_request_line = 8190
# No header of anybody decides the scheme or the address that a request came from.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

accesslog = None
errorlog = "-"
loglevel = settings.LOG_LEVEL.lower().replace("debug", "info")
logger_class = "portal.server.log.ServerLog"
control_socket_disable = True
worker_tmp_dir = str(_MEMORY_DISK) if _MEMORY_DISK.is_dir() else None


def when_ready(server: Any) -> None:
    """Tell the operator that people can come."""
    facts = {"address": bind, "workers": workers, "threads": threads, "url": settings.PORTAL_URL}
    logging.getLogger("portal.server.serve").info("serving", extra={"facts": facts})


def post_worker_init(worker: Any) -> None:
    """Let each worker watch its queue and find out who the broker is; one of them tells."""
    load_shedding.queue.watch(worker.tpool)
    is_the_one_to_tell = (worker.age - 1) % workers == 0
    broker_check.introduce(is_told=is_the_one_to_tell)
