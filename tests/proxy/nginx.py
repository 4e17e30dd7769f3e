"""A real nginx with TLS, started from deploy/nginx.conf: only its names, ports and paths differ.

Its certificate is signed by a CA made for the run.
"""

import base64
import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.served import ROOT, free_port

SHIPPED = ROOT / "deploy" / "nginx.conf"
NAME = "portal.example.com"

# What an operator has around the shipped file; /etc/nginx/nginx.conf of Debian compresses.
AROUND = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/main-error.log;
{user}
events {{ worker_connections 512; }}
http {{
    gzip on;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/sekisho.conf;
}}
"""


@dataclass(frozen=True)
class Certificates:
    """A CA and a certificate of ours for localhost, both only for this run."""

    authority: Path
    chain: Path
    key: Path

    @property
    def public_key_hash(self) -> str:
        """What Chromium's list of expected keys wants of the server's certificate."""
        der = _openssl("pkey", "-in", str(self.key), "-pubout", "-outform", "DER")
        return base64.b64encode(hashlib.sha256(der).digest()).decode()


@dataclass(frozen=True)
class Nginx:
    """A running nginx: its addresses, and where it logs."""

    secure_port: int
    plain_port: int
    certificates: Certificates
    folder: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.secure_port}"

    def logs(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in self.folder.glob("*.log"))


def _openssl(*words: str) -> bytes:
    made = subprocess.run(["openssl", *words], capture_output=True, check=False)
    assert made.returncode == 0, made.stderr.decode()
    return made.stdout


def make_certificates(folder: Path) -> Certificates:
    """Make a CA and a certificate for localhost and 127.0.0.1."""
    made = Certificates(folder / "ca.pem", folder / "fullchain.pem", folder / "key.pem")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    ca_key = folder / "ca-key.pem"
    _openssl(
        *("req", "-x509", *curve, "-days", "2", "-subj", "/CN=A CA for one test run"),
        *("-addext", "keyUsage=critical,keyCertSign"),
        *("-keyout", str(ca_key), "-out", str(made.authority)),
    )
    _openssl(
        *("req", "-x509", *curve, "-days", "2", "-subj", "/CN=localhost"),
        *("-CA", str(made.authority), "-CAkey", str(ca_key)),
        *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-addext", "extendedKeyUsage=serverAuth"),
        *("-keyout", str(made.key), "-out", str(made.chain)),
    )
    return made


def settings_for(folder: Path, portal: str, secure_port: int, plain_port: int) -> str:
    """Return the shipped file with the names, ports and paths of this run.

    Each of them has to be there: otherwise the test would run on something else than it says.
    """
    text = SHIPPED.read_text(encoding="utf-8")
    for written, ours in (
        (f"https://{NAME}$request_uri", f"https://localhost:{secure_port}$request_uri"),
        (f"server_name {NAME};", "server_name localhost;"),
        ("server 127.0.0.1:8000;", f"server {portal};"),
        ("listen 80 default_server;", f"listen 127.0.0.1:{plain_port} default_server;"),
        ("listen 443 ssl default_server;", f"listen 127.0.0.1:{secure_port} ssl default_server;"),
        ("    listen [::]:80 default_server;\n", ""),
        ("    listen [::]:443 ssl default_server;\n", ""),
        ("/etc/ssl/sekisho/", f"{folder}/"),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert written in text, written
        text = text.replace(written, ours)
    assert not re.search(
        r"\s/(etc|var)/", re.sub(r"(?m)^\s*#.*$", "", text).replace(str(folder), "")
    )
    return text


@contextmanager
def nginx_before(portal: str, folder: Path, secure_port: int) -> Iterator[Nginx]:
    """Run nginx in front of ``portal`` (``host:port``) until the block ends, or this process."""
    running = Nginx(secure_port, free_port(), make_certificates(folder), folder)
    shipped = settings_for(folder, portal, running.secure_port, running.plain_port)
    (folder / "sekisho.conf").write_text(shipped, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(AROUND.format(folder=folder, user=user), encoding="utf-8")
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin")
    assert program, "nginx is missing"
    # -e: nothing is written to the host's own log, not even before the file is read.
    command = [program, "-c", str(main), "-e", str(folder / "main-error.log")]
    process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", *command])
    try:
        _wait_until_it_listens(running, process)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_it_listens(running: Nginx, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    context = ssl.create_default_context(cafile=running.certificates.authority)
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with (
                socket.create_connection(("127.0.0.1", running.secure_port), timeout=2) as plain,
                context.wrap_socket(plain, server_hostname="localhost"),
            ):
                return
        except ConnectionRefusedError:
            try:
                process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError(f"nginx does not listen: {running.logs()}")
