"""A start that is told to stop before it serves anybody."""

import signal
import socket
import subprocess
import sys

from tests.served import KEYS, ROOT, free_port


def test_P40_a_start_that_waits_for_its_database_ends_at_once_on_sigterm() -> None:
    """By a handler of its own: as a container's first process the default would do nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        environment = {
            **KEYS,
            "PATH": "/usr/bin:/bin",
            "PYTHON_DOTENV_DISABLED": "1",
            "PORT": str(free_port()),
            "DATABASE_URL": f"postgresql://somebody@127.0.0.1:{silent.getsockname()[1]}/there",
        }
        with subprocess.Popen(
            [sys.executable, "-m", "portal.server.serve"], cwd=ROOT, env=environment
        ) as starting:
            try:
                caller, _ = silent.accept()
                with caller:
                    starting.send_signal(signal.SIGTERM)
                    assert starting.wait(timeout=5) == 128 + signal.SIGTERM
            finally:
                starting.kill()
