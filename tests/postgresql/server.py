"""A real PostgreSQL for a test: made in a temporary folder, on a free port of loopback.

The server is the child of a guard, a small process that reads a pipe from the tests: however they
end, the pipe ends with them, and the guard kills the server. To have one to play with::

    python -m tests.postgresql.server

prints a ``DATABASE_URL`` and serves until its standard input ends or Ctrl-C.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "the p@ss/word of the te%sts"
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_LONGEST_START_SECONDS = 20

# Starts the server in its own process group, and kills all of it when the pipe ends. Only the
# postmaster is waited for; a stopped one (SIGSTOP) dies of SIGKILL as well.
_GUARD = """
import os, signal, subprocess, sys
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
print(server.pid, flush=True)
signal.signal(signal.SIGINT, signal.SIG_IGN)
if sys.stdin.buffer.read(1) == b"":
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server.pid)],
                              capture_output=True, text=True).stdout.split()
    for pid in (server.pid, *map(int, children)):
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
server.wait()
"""


def find_program(name: str) -> str:
    """Return one of PostgreSQL's programs: on the path, or where Debian keeps the newest."""
    found = shutil.which(name)
    if found:
        return found
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4])
    )
    assert versions, f"PostgreSQL is missing ({name}): apt-get install postgresql"
    return str(versions[-1])


def _as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root: then it is the system's postgres user that does."""
    if os.getuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


@dataclass
class Server:
    """A running server; ``settings`` are lines of postgresql.conf (``name=value``)."""

    folder: Path
    settings: Sequence[str] = ()
    port: int = 0
    user: str = "sekisho"
    pid: int = 0
    _guard: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        """The server's own folder."""
        return self.folder / "data"

    def make(self) -> None:
        """Lay an empty cluster; its superuser is ``sekisho`` with ``PASSWORD``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            shutil.chown(password, "postgres", "postgres")
        words = ["--auth=scram-sha-256", f"--username={self.user}", f"--pwfile={password}"]
        words += ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", f"--pgdata={self.data}"]
        made = subprocess.run(
            [*_as_postgres(), find_program("initdb"), *words],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr

    def start(self) -> None:
        """Start, on the same port as before, and wait until it answers."""
        self.port = self.port or _free_port()
        settings = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self.folder}",
            *self.settings,
        ]
        words = [word for setting in settings for word in ("-c", setting)]
        log = self.folder / "server.log"
        with log.open("ab") as stderr:
            self._guard = subprocess.Popen(
                [
                    sys.executable,
                    "-ISc",
                    _GUARD,
                    *_as_postgres(),
                    find_program("postgres"),
                    "-D",
                    str(self.data),
                    *words,
                ],
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        assert self._guard.stdout
        self.pid = int(self._guard.stdout.readline())
        self._wait_until_it_answers(log)

    def _wait_until_it_answers(self, log: Path) -> None:
        deadline = time.monotonic() + _LONGEST_START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError), self.connect():
                return
            time.sleep(0.02)
        raise AssertionError(f"PostgreSQL does not start: {log.read_text(encoding='utf-8')}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT closes connections (a restart), SIGQUIT does not tidy up (a crash)."""
        if self._guard is None:
            return
        assert self._guard.stdin
        assert self._guard.stdout
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, how)
        with contextlib.suppress(BrokenPipeError):
            # Anything but the pipe's end: the guard then only waits.
            self._guard.stdin.write(b"\n")
            self._guard.stdin.close()
        self._guard.wait(timeout=20)
        self._guard.stdout.close()
        self._guard = None

    def kill(self) -> None:
        """End it with all its processes at once, as a power cut does."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.stop(signal.SIGKILL)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Let it say nothing for a while, on any connection, new ones too."""
        stopped = self.processes()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def processes(self) -> list[int]:
        """Return the server's processes, the first one first."""
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return [self.pid, *map(int, children.stdout.split())]

    def connect(self, database: str = "postgres", **options: Any) -> "psycopg.Connection[Any]":
        """Connect as the superuser, in autocommit."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=self.user,
            password=PASSWORD,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
            **options,
        )

    def create_database(self, name: str) -> str:
        """Make an empty database and return its ``DATABASE_URL``."""
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def url(self, name: str, *, user: str = "", query: str = "") -> str:
        """Return the ``DATABASE_URL`` of a database."""
        quoted = PASSWORD.replace("%", "%25").replace("@", "%40").replace("/", "%2F")
        quoted = quoted.replace(" ", "%20")
        place = f"127.0.0.1:{self.port}/{name}"
        return f"postgresql://{user or self.user}:{quoted}@{place}" + (query and f"?{query}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path | None = None, *, durable: bool = False, settings: Sequence[str] = ()) -> (
    Iterator[Server]
):  # fmt: skip
    """Serve until the block ends; ``durable`` where a crash must lose nothing."""
    made = folder is None
    folder = folder or Path(tempfile.mkdtemp(prefix="sekisho-postgresql-"))
    # pytest's own temporary folders are closed to the user that PostgreSQL runs as.
    server = Server(folder, (*settings, *(() if durable else _QUICK)))
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        if made:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Serve until nobody listens any more."""
    with running() as server:
        sys.stdout.write(f"{server.create_database('sekisho')}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read()


if __name__ == "__main__":
    main()
