"""``./run demo``: the portal and the local AWS stand-in, on a database and keys of their own.

``./run demo manage WORDS…`` runs ``manage.py`` against them. Everything is kept in ``var/demo/``,
readable by its owner only, with what was put into the stand-in's IAM; the sessions that the
stand-in gives live in memory and end with it.
"""

import fcntl
import json
import os
import secrets
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from demo.standin.organisation import (
    ACCESS_FILE,
    config_from_access_file,
    generate_keys,
    shared_config,
)

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "var" / "demo"
KEYS = HOME / "keys.json"
AWS_CONFIG = HOME / "aws-config"
STANDIN_CONFIG = HOME / "standin.json"
STANDIN_IAM = HOME / "iam.json"

# A caller's own settings would mix a real organisation into the demo.
CALLERS_SETTINGS = ("ALLOWED_HOSTS", "BIND", "CACHE_URL", "DEBUG", "PYTHONPATH")
CALLERS_FAMILIES = ("AWS_", "AUTH_LDAP_", "DJANGO_", "PORTAL_")


def main(words: list[str]) -> None:
    """Become the demo, or one management command on its database."""
    os.umask(0o077)
    HOME.mkdir(parents=True, exist_ok=True)
    _set_environment()
    if words[:1] == ["manage"]:
        os.execv(sys.executable, [sys.executable, str(ROOT / "manage.py"), *words[1:]])
    if words:
        sys.exit("usage: ./run demo [manage WORDS…]")
    _be_the_only_one()
    console_url = _start_standin()
    os.execv(sys.executable, [sys.executable, "-m", "demo.serve", console_url])


def _be_the_only_one() -> None:
    """Keep a lock for as long as this process lives: a second demo would take this one's keys."""
    lock = os.open(HOME / "running", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("A demo is running already: end it with Ctrl-C first.")
    os.set_inheritable(lock, True)


def _set_environment() -> None:
    for name in [*os.environ]:
        if name in CALLERS_SETTINGS or name.startswith(CALLERS_FAMILIES):
            del os.environ[name]
    os.environ.update(_keys())
    os.environ.update(
        PYTHON_DOTENV_DISABLED="1",
        PYTHONPATH=str(ROOT),
        DATABASE_URL=f"sqlite:///{HOME / 'portal.sqlite3'}",
        AWS_CONFIG_FILE=str(AWS_CONFIG),
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="localhost,127.0.0.1",
        no_proxy="localhost,127.0.0.1",
    )
    os.environ.setdefault("LOG_LEVEL", "WARNING")


def _keys() -> dict[str, str]:
    """Return this demo's own keys, made at its first start."""
    if not KEYS.exists():
        made = {name: secrets.token_urlsafe(48) for name in ("SECRET_KEY", "PORTAL_RECORD_KEY")}
        fresh = KEYS.with_suffix(".fresh")
        fresh.write_text(json.dumps(made), encoding="utf-8")
        fresh.replace(KEYS)
    kept: dict[str, str] = json.loads(KEYS.read_text(encoding="utf-8"))
    return kept


def _start_standin() -> str:
    """Start the stand-in, which ends with this process, and point the portal at it.

    Return the address of its console.
    """
    keys = generate_keys()
    AWS_CONFIG.write_text(shared_config(keys), encoding="utf-8")
    configuration = asdict(config_from_access_file(ACCESS_FILE, keys))
    STANDIN_CONFIG.write_text(json.dumps(configuration), encoding="utf-8")
    words = ["--config", str(STANDIN_CONFIG), "--kept", str(STANDIN_IAM)]
    words += ["--parent", str(os.getpid())]
    standin = subprocess.Popen(
        [sys.executable, "-m", "demo.standin", *words], cwd=ROOT, stdout=subprocess.PIPE
    )
    ready = standin.stdout.readline() if standin.stdout else b""
    if not ready:
        sys.exit("The local AWS stand-in did not start.")
    addresses: dict[str, str] = json.loads(ready)
    os.environ["AWS_ENDPOINT_URL_STS"] = addresses["sts_url"]
    os.environ["PORTAL_FEDERATION_URL"] = addresses["federation_url"]
    return addresses["console_url"]


if __name__ == "__main__":
    main(sys.argv[1:])
