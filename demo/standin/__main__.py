"""``python -m demo.standin --config FILE.json``: run the stand-in until told to stop.

One line of JSON with the addresses goes to standard output when it is ready. It ends on SIGTERM,
on Ctrl-C and, on Linux, with the process that started it.
"""

import argparse
import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from threading import Event

from demo.standin.config import Config, ConfigError
from demo.standin.server import StandIn

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run; return the exit status."""
    wishes = _wishes()
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    _end_with_parent()
    if wishes.parent and os.getppid() != wishes.parent:
        return 0
    try:
        config = Config.from_json(_text(wishes.config))
    except (ConfigError, OSError) as error:
        print(f"{wishes.config}: {error}", file=sys.stderr)
        return 2
    try:
        made = StandIn(config, kept=wishes.kept)
    except (ConfigError, OSError) as error:
        print(f"{wishes.kept}: {error}", file=sys.stderr)
        return 2
    with made as standin:
        print(_addresses(standin), flush=True)
        stopped.wait()
    return 0


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.standin", description=__doc__)
    parser.add_argument(
        "--config", required=True, help="the configuration as JSON; - reads it from standard input"
    )
    parser.add_argument(
        "--kept", type=Path, help="the file that remembers what was put into IAM for the next start"
    )
    parser.add_argument("--parent", type=int, help="number of the process to end with")
    return parser.parse_args()


def _text(config: str) -> str:
    return sys.stdin.read() if config == "-" else Path(config).read_text(encoding="utf-8")


def _end_with_parent() -> None:
    """Ask Linux for SIGTERM when the thread that started us ends; elsewhere this does nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _addresses(standin: StandIn) -> str:
    return json.dumps(
        {
            "sts_url": standin.sts_url,
            "federation_url": standin.federation_url,
            "console_url": standin.console_url,
        }
    )


if __name__ == "__main__":
    sys.exit(main())
