"""Names, connections, TLS and time: nothing hangs, nothing unverified is talked to (P25, P36)."""

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.aws import transport as transport_module
from portal.aws.budget import Budget
from portal.aws.federation import sign_in_token
from portal.aws.methods import fetch
from portal.aws.plan import SessionPlan, SourceSettings, TemporaryCredentials
from portal.aws.sources import Sources
from portal.aws.transport import LONGEST_ANSWER, Transport
from portal.errors import ConfigurationProblem, UpstreamError
from tests.faults.upstream import Fault, Upstream, dripping, silent, then_closed

CREDENTIALS = TemporaryCredentials("ASIA1", "secret", "token", datetime(2031, 1, 1, tzinfo=UTC))
SHORT = 0.2
"""Seconds: a budget that a test can wait for."""


def failed(plan: SessionPlan, sources: Sources, budget: Budget) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        fetch(plan, sources, budget)
    return caught.value


SLOW: dict[str, Fault] = {
    "silent": silent,
    "dripping status line": dripping(b"HTTP/1.1 200 "),
    "dripping headers": dripping(b"HTTP/1.1 200 OK\r\nX-Long: "),
    "dripping body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
    "dripping chunk": dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"),
    "dripping without an end": dripping(b"HTTP/1.1 200 OK\r\n\r\n"),
}


@pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW)
def test_p36_a_slow_or_dripping_sts_is_given_up_when_the_budget_is_spent(
    fault: Fault, plan: SessionPlan, sources: Sources, upstream: Upstream
) -> None:
    fetch(plan, sources, Budget(10))
    upstream.sts.append(fault)
    error = failed(plan, sources, Budget(SHORT))
    assert (error.status, error.code) == (504, "NoAnswer")
    assert upstream.client_gone.wait(10), "the portal still reads"
    assert len(upstream.asked_sts) == 2


@pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW)
def test_p36_a_slow_or_dripping_sign_in_is_given_up_when_the_budget_is_spent(
    fault: Fault, upstream: Upstream, transport: Transport
) -> None:
    upstream.federation.append(fault)
    with pytest.raises(UpstreamError) as caught:
        sign_in_token(CREDENTIALS, None, upstream.federation_url, transport, Budget(SHORT))
    assert (caught.value.status, caught.value.code) == (504, "NoAnswer")
    assert upstream.client_gone.wait(10), "the portal still reads"


def test_p36_one_budget_covers_both_calls(
    plan: SessionPlan, sources: Sources, upstream: Upstream, transport: Transport
) -> None:
    fetch(plan, sources, Budget(10))
    budget = Budget(SHORT)
    credentials = fetch(plan, sources, budget)
    upstream.federation.append(silent)
    with pytest.raises(UpstreamError):
        sign_in_token(credentials, None, upstream.federation_url, transport, budget)
    with pytest.raises(UpstreamError) as caught:
        fetch(plan, sources, budget)
    assert caught.value.status == 504
    assert len(upstream.asked_sts) == 2


def test_p36_a_name_lookup_that_hangs_is_left_behind(
    plan: SessionPlan,
    sources: Sources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://sts.example.test")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(60) and [])
    error = failed(plan, sources, Budget(SHORT))
    answered.set()
    assert (error.status, error.code) == (504, "NoAnswer")


def test_a_name_that_does_not_exist_means_that_aws_cannot_be_reached(
    plan: SessionPlan,
    sources: Sources,
    budget: Budget,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://sts.example.test")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failed(plan, sources, budget)
    assert (error.status, error.code) == (503, "Unreachable")
    assert len(waits) == 3


def test_a_refused_connection_means_that_aws_cannot_be_reached(
    plan: SessionPlan,
    sources: Sources,
    budget: Budget,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{unused.getsockname()[1]}")
        error = failed(plan, sources, budget)
    assert (error.status, error.code) == (503, "Unreachable")
    assert len(waits) == 3


def test_an_address_that_is_dead_does_not_hide_one_that_lives(
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = int(upstream.url.rpartition(":")[2])
    kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    addresses = [(*kind, ("127.0.0.1", 1)), (*kind, ("127.0.0.1", port))]
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://sts.example.test:{port}")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    assert fetch(plan, sources, budget).access_key_id
    assert waits == []


def test_a_connection_that_was_idle_for_long_is_not_trusted(
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetch(plan, sources, budget)
    fetch(plan, sources, budget)
    assert upstream.connections == 1
    monkeypatch.setattr(transport_module, "IDLE_SECONDS", 0)
    fetch(plan, sources, budget)
    assert upstream.connections == 2


def test_p25_an_endless_answer_is_not_read_to_its_end(
    upstream: Upstream, transport: Transport, budget: Budget
) -> None:
    sent: list[int] = []

    def endless(conversation: object) -> None:
        conversation.hang_up()  # type: ignore[attr-defined]
        conversation.say_raw(b"HTTP/1.1 200 OK\r\n\r\n")  # type: ignore[attr-defined]
        while True:
            conversation.say_raw(b"a" * 65536)  # type: ignore[attr-defined]
            sent.append(65536)

    upstream.federation.append(endless)
    with pytest.raises(UpstreamError) as caught:
        sign_in_token(CREDENTIALS, None, upstream.federation_url, transport, budget)
    assert (caught.value.status, caught.value.code) == (502, "Unreadable")
    assert upstream.client_gone.wait(10)
    assert sum(sent) < 64 * LONGEST_ANSWER


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-made certificate for 127.0.0.1 with its key, one PEM file."""
    return made_certificate(tmp_path_factory.mktemp("tls") / "own.pem", "127.0.0.1")


def made_certificate(path: Path, address: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "self-made")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def tls_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def tls_upstream(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """The same upstream under TLS."""
    with Upstream(tls_context(certificate)) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", running.url)
        yield running


def test_p25_a_self_made_certificate_is_refused_before_anything_is_sent(
    plan: SessionPlan,
    sources: Sources,
    transport: Transport,
    tls_upstream: Upstream,
    budget: Budget,
) -> None:
    error = failed(plan, sources, budget)
    assert (error.status, error.code) == (502, "TlsFailed")
    assert "AWS_CA_BUNDLE" in error.hint
    assert not error.retry_makes_sense
    with pytest.raises(UpstreamError) as caught:
        sign_in_token(CREDENTIALS, 900, tls_upstream.federation_url, transport, budget)
    assert caught.value.code == "TlsFailed"
    assert tls_upstream.seen == []


def test_p25_a_trusted_certificate_for_another_host_is_refused(
    plan: SessionPlan,
    sources: Sources,
    budget: Budget,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = made_certificate(tmp_path / "other.pem", "127.0.0.99")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(other))
    with Upstream(tls_context(other)) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", running.url)
        error = failed(plan, sources, budget)
        assert (error.code, running.seen) == ("TlsFailed", [])


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_authority_of_ones_own_is_trusted_for_both_calls(
    variable: str,
    plan: SessionPlan,
    sources: Sources,
    transport: Transport,
    tls_upstream: Upstream,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    credentials = fetch(plan, sources, Budget(10))
    assert sign_in_token(credentials, None, tls_upstream.federation_url, transport, Budget(10))


def test_a_profiles_own_certificate_authority_is_trusted(
    plan: SessionPlan,
    sources: Sources,
    tls_upstream: Upstream,
    budget: Budget,
    certificate: Path,
    tmp_path: Path,
) -> None:
    keys = "aws_access_key_id = AKIA2\naws_secret_access_key = s2\n"
    (tmp_path / "aws-config").write_text(f"[profile hub]\nca_bundle = {certificate}\n{keys}")
    hub = SourceSettings("hub", "hub")
    changed = SessionPlan(**{**vars(plan), "source": hub})
    assert fetch(changed, sources, budget).access_key_id


def test_a_certificate_list_that_cannot_be_read_is_for_an_administrator(
    plan: SessionPlan,
    sources: Sources,
    tls_upstream: Upstream,
    budget: Budget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    error = failed(plan, sources, budget)
    assert isinstance(error, ConfigurationProblem)
    assert (error.status, error.code) == (500, "NoCaBundle")


@pytest.mark.parametrize("fault", SLOW.values(), ids=SLOW)
def test_p36_the_deadline_holds_under_tls_too(
    fault: Fault,
    transport: Transport,
    tls_upstream: Upstream,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    tls_upstream.federation.append(fault)
    with pytest.raises(UpstreamError) as caught:
        sign_in_token(CREDENTIALS, None, tls_upstream.federation_url, transport, Budget(SHORT))
    assert (caught.value.status, caught.value.code) == (504, "NoAnswer")
    assert tls_upstream.client_gone.wait(10), "the portal still reads"


def test_a_kept_tls_connection_that_was_closed_fails_no_launch(
    transport: Transport,
    tls_upstream: Upstream,
    certificate: Path,
    budget: Budget,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    tls_upstream.federation.append(then_closed)
    for _ in range(2):
        assert sign_in_token(CREDENTIALS, None, tls_upstream.federation_url, transport, budget)
    assert (waits, tls_upstream.connections) == ([], 2)


def test_https_that_is_answered_in_plain_http_is_refused(
    transport: Transport, upstream: Upstream, budget: Budget
) -> None:
    address = upstream.federation_url.replace("http:", "https:")
    with pytest.raises(UpstreamError) as caught:
        sign_in_token(CREDENTIALS, None, address, transport, budget)
    assert (caught.value.status, caught.value.code) == (502, "TlsFailed")
    assert upstream.seen == []


# --- proxies --------------------------------------------------------------------------------------


def test_the_environments_proxy_is_used_for_both_calls(
    plan: SessionPlan,
    sources: Sources,
    transport: Transport,
    upstream: Upstream,
    budget: Budget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", upstream.url.replace("//", "//joe:pw@"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://sts.example.test/")
    credentials = fetch(plan, sources, budget)
    sign_in_token(credentials, None, "http://signin.example.test/federation", transport, budget)
    assert [seen.headers["host"] for seen in upstream.seen] == [
        "sts.example.test",
        "signin.example.test",
    ]
    assert upstream.seen[0].headers["proxy-authorization"] == "Basic am9lOnB3"


def test_no_proxy_is_honoured(
    plan: SessionPlan,
    sources: Sources,
    upstream: Upstream,
    budget: Budget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert fetch(plan, sources, budget).access_key_id


class Tunnel(BaseHTTPRequestHandler):
    """A proxy that opens tunnels, one at a time, and notes where to."""

    opened: ClassVar[list[str]] = []

    def do_CONNECT(self) -> None:
        self.opened.append(self.path)
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as far:
            self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = {self.connection: far, far: self.connection}
            while True:
                for ready in select.select(list(ends), [], [], 10)[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    ends[ready].sendall(data)

    def log_message(self, *_: object) -> None:
        pass


def test_https_goes_through_a_proxys_tunnel_and_is_verified_at_its_end(
    transport: Transport,
    tls_upstream: Upstream,
    certificate: Path,
    budget: Budget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Tunnel) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_port}")
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        for _ in range(2):
            assert sign_in_token(CREDENTIALS, 900, tls_upstream.federation_url, transport, budget)
        assert Tunnel.opened == [tls_upstream.url.removeprefix("https://")]
        monkeypatch.delenv("AWS_CA_BUNDLE")
        distrustful = Transport()
        with pytest.raises(UpstreamError) as caught:
            sign_in_token(CREDENTIALS, 900, tls_upstream.federation_url, distrustful, budget)
        assert caught.value.code == "TlsFailed"
        transport.close()
        proxy.shutdown()
