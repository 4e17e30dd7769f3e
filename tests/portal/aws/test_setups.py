"""Broker credentials in real life: each way to have them, each way to get it wrong, who they are.

The metadata services are small servers on loopback that are as strict as AWS's about tokens.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from portal.aws.budget import Budget
from portal.aws.identity import Identity
from portal.aws.methods import fetch, require_fitting_source
from portal.aws.plan import SessionPlan, SourceSettings
from portal.aws.sources import Sources
from portal.aws.transport import Transport
from portal.errors import ConfigurationProblem, UpstreamError
from tests.faults.fixtures import BROKER_KEY_ID, DEFAULT
from tests.faults.upstream import (
    BROKER_ARN,
    Conversation,
    Upstream,
    answered_as,
    known_as,
    refused,
)

HUB = SourceSettings("hub", "hub-profile")
CONTAINER_TOKEN = "a-token-of-the-container-service"


@dataclass
class Machine:
    """The metadata of an EC2 machine (version 2 of its protocol) and of a container."""

    key: str = "ASIAMACHINE"
    lasting: float = 6 * 3600
    has_role: bool = True
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def credentials(self) -> str:
        until = datetime.now(UTC) + timedelta(seconds=self.lasting)
        given = {"Code": "Success", "AccessKeyId": self.key, "SecretAccessKey": "s", "Token": "t"}
        return json.dumps(given | {"Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        self.asked.append(f"{method} {path}")
        if path == "/container":
            is_right = headers.get("authorization") == CONTAINER_TOKEN
            return (200, self.credentials()) if is_right else (403, "no")
        if path == "/latest/api/token":
            return (200, "session-token") if method == "PUT" else (405, "")
        if headers.get("x-aws-ec2-metadata-token") != "session-token":
            return 401, ""
        if not self.has_role:
            return 404, ""
        return 200, "broker-role" if path.endswith("security-credentials/") else self.credentials()


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body = made.answer(self.command, self.path, headers)
            self.send_response(status)
            self.send_header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield made
        server.shutdown()


@pytest.fixture
def on_a_machine(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.url)
    return machine


@pytest.fixture
def in_a_container(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{machine.url}container")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER_TOKEN)
    return machine


@pytest.fixture
def bare(transport: Transport) -> Sources:
    """A process's sources, with nothing in the environment."""
    return Sources(transport)


def config(tmp_path: Path, text: str) -> None:
    (tmp_path / "aws-config").write_text(text)


def signed_by(upstream: Upstream) -> list[str]:
    return [
        seen.headers["authorization"].split("Credential=")[1].split("/")[0]
        for seen in upstream.asked_sts
        if "authorization" in seen.headers
    ]


def who(sources: Sources, source: SourceSettings = DEFAULT) -> Identity:
    return sources.find_identity(source, "aws", Budget(10))


def trouble(sources: Sources, source: SourceSettings = DEFAULT) -> str:
    """Code, sentence and causes, as an administrator is told."""
    with pytest.raises(UpstreamError) as caught:
        who(sources, source)
    error = caught.value
    return "\n".join((error.code, error.message % error.params, error.hint % error.params))


# --- each way to have credentials, and who that is --------------------------------------------


def test_keys_of_the_environment(sources: Sources, upstream: Upstream) -> None:
    assert who(sources) == Identity(BROKER_ARN, "aws", "222222222222", "env", chained=False)


def test_a_machines_role_by_the_token_protocol(
    on_a_machine: Machine, bare: Sources, upstream: Upstream
) -> None:
    arn = "arn:aws:sts::111111111111:assumed-role/broker-role/i-0abc"
    upstream.identity.append(known_as(arn))
    assert who(bare) == Identity(arn, "aws", "111111111111", "iam-role", chained=False)
    assert "PUT /latest/api/token" in on_a_machine.asked


def test_a_containers_role(in_a_container: Machine, bare: Sources, upstream: Upstream) -> None:
    found = who(bare)
    assert (found.method, found.chained) == ("container-role", True)


def test_a_profile_that_stands_on_another(
    bare: Sources, upstream: Upstream, tmp_path: Path
) -> None:
    config(tmp_path, OWN_ROLE + KEYS.format("AKIAOLD"))
    found = who(bare, HUB)
    assert (found.method, found.chained) == ("assume-role", True)


def test_a_token_of_the_web(
    bare: Sources, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("a.b.c")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/Pod")
    found = who(bare)
    assert (found.method, found.chained) == ("assume-role-with-web-identity", True)
    assert upstream.asked_sts[0].parameters["WebIdentityToken"] == "a.b.c"


def test_a_program(bare: Sources, upstream: Upstream, tmp_path: Path) -> None:
    given = json.dumps({"Version": 1, "AccessKeyId": "AKIA5", "SecretAccessKey": "s"})
    (tmp_path / "given").write_text(given)
    config(tmp_path, f"[profile hub-profile]\ncredential_process = cat {tmp_path / 'given'}\n")
    found = who(bare, HUB)
    assert (found.method, found.chained) == ("custom-process", False)


OWN_ROLE = (
    "[profile hub-profile]\nrole_arn = arn:aws:iam::111111111111:role/Broker\n"
    "source_profile = keys\nregion = eu-west-1\n"
)
KEYS = "[profile keys]\naws_access_key_id = {}\naws_secret_access_key = s\n"


# --- change without a restart -----------------------------------------------------------------


def test_a_containers_credentials_that_end_are_fetched_anew(
    in_a_container: Machine, bare: Sources, upstream: Upstream, plan: SessionPlan
) -> None:
    in_a_container.lasting = 30
    fetch(plan, bare, Budget(10))
    in_a_container.key, in_a_container.lasting = "ASIARENEWED", 6 * 3600
    fetch(plan, bare, Budget(10))
    assert signed_by(upstream)[-1] == "ASIARENEWED"


def test_the_keys_beneath_a_profiles_role_may_be_rotated(
    bare: Sources, upstream: Upstream, tmp_path: Path
) -> None:
    """The old keys are refused when the role's session is renewed: the files are read again."""
    config(tmp_path, OWN_ROLE + KEYS.format("AKIAOLD"))
    upstream.sts.append(soon_over)
    assert bare.is_chained(HUB, Budget(10))
    config(tmp_path, OWN_ROLE + KEYS.format("AKIANEW"))
    upstream.sts.append(refused("InvalidClientTokenId"))
    with pytest.raises(ConfigurationProblem) as caught:
        bare.is_chained(HUB, Budget(10))
    assert "source_profile" in caught.value.hint
    assert bare.is_chained(HUB, Budget(10))
    assert signed_by(upstream) == ["AKIAOLD", "AKIAOLD", "AKIANEW"]


def soon_over(conversation: Conversation) -> None:
    until = datetime.now(UTC) + timedelta(seconds=30)
    answered_as(Expiration=until.strftime("%Y-%m-%dT%H:%M:%SZ"))(conversation)


def test_who_the_broker_is_counts_for_the_keys_that_were_asked_about_only(
    bare: Sources, upstream: Upstream, budget: Budget, plan: SessionPlan, tmp_path: Path
) -> None:
    config(tmp_path, KEYS.format("AKIAOLD").replace("profile keys", "default"))
    who(bare)
    assert bare.identity(DEFAULT) is not None
    config(tmp_path, KEYS.format("AKIANEW").replace("profile keys", "default"))
    upstream.sts.append(refused("InvalidClientTokenId"))
    fetch(plan, bare, budget)
    assert bare.identity(DEFAULT) is None


# --- each way to get it wrong -----------------------------------------------------------------


def test_no_credentials_names_the_variables_the_machine_and_the_hop_limit(
    on_a_machine: Machine, bare: Sources, upstream: Upstream
) -> None:
    on_a_machine.has_role = False
    told = trouble(bare)
    assert told.startswith("NoCredentialsError\nThe portal has no AWS credentials")
    assert "AWS_ACCESS_KEY_ID" in told
    assert "hop limit" in told


def test_a_container_with_a_wrong_token(
    in_a_container: Machine,
    bare: Sources,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "another")
    told = trouble(bare)
    assert "container’s credential service" in told
    assert "AWS_CONTAINER_AUTHORIZATION_TOKEN" in told


WRONG_AT_AWS = {
    "deleted key": ("InvalidClientTokenId", "no", "was deleted or deactivated"),
    "expired": ("ExpiredToken", "no", "have expired"),
    "wrong secret": ("SignatureDoesNotMatch", "no", "does not fit its access key"),
    "slow clock": (
        "SignatureDoesNotMatch",
        "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z",
        "clock is wrong",
    ),
    "fast clock": ("SignatureDoesNotMatch", "Signature not yet current: 2030", "clock is wrong"),
    "clock": ("RequestExpired", "no", "by NTP"),
    "region": ("RegionDisabledException", "no", "Enable STS for that region"),
    "something": ("SomethingNew", "no", "answered SomethingNew"),
}


@pytest.mark.parametrize("name", WRONG_AT_AWS)
def test_what_aws_refuses_of_the_broker_names_what_to_do(
    name: str, sources: Sources, upstream: Upstream
) -> None:
    code, said, words = WRONG_AT_AWS[name]
    upstream.identity.append(refused(code, message=said))
    told = trouble(sources)
    assert told.startswith(code)
    assert words in told


OWN_ROLE_REFUSED = {
    "trust": ("AccessDenied", "trust policy of the role_arn"),
    "keys": ("InvalidClientTokenId", "keys of the source_profile"),
    "expired": ("ExpiredToken", "keys of the source_profile"),
}


@pytest.mark.parametrize("name", OWN_ROLE_REFUSED)
def test_a_profiles_role_that_aws_refuses_names_what_to_do(
    name: str, bare: Sources, upstream: Upstream, tmp_path: Path
) -> None:
    code, words = OWN_ROLE_REFUSED[name]
    config(tmp_path, OWN_ROLE + KEYS.format("AKIA9"))
    upstream.sts.append(refused(code))
    assert words in trouble(bare, HUB)


def test_a_token_of_the_web_that_aws_refuses(
    bare: Sources, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/Pod")
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in trouble(bare)
    (tmp_path / "none").write_text("a.b.c")
    upstream.sts.append(refused("InvalidIdentityToken", 400))
    assert "identity provider" in trouble(bare)
    assert who(bare).chained


INSECURE = {
    "profile": "[profile hub-profile]\nendpoint_url = http://sts.example.test\n",
    "service": (
        "[profile hub-profile]\nservices = own\n"
        "[services own]\nsts =\n  endpoint_url = http://10.0.0.7:8080\n"
    ),
}


@pytest.mark.parametrize("text", INSECURE.values(), ids=INSECURE)
def test_P25_an_address_without_tls_in_a_profile_is_refused(
    text: str, bare: Sources, tmp_path: Path
) -> None:
    config(tmp_path, text)
    told = trouble(bare, HUB)
    assert told.startswith("InsecureEndpoint")
    assert "with https" in told
    assert "“hub”" in told


@pytest.mark.parametrize(
    "url", ["https://sts.example.test", "http://127.0.0.1:9", "http://[::1]:9"]
)
def test_an_address_with_tls_or_on_this_machine_is_taken(
    url: str, bare: Sources, broker_keys: None, tmp_path: Path
) -> None:
    config(tmp_path, f"[default]\nendpoint_url = {url}\n")
    assert bare.broker(DEFAULT).sts("aws").meta.endpoint_url == url


# --- what the planner knows beforehand --------------------------------------------------------


def refusal(plan: SessionPlan, sources: Sources) -> ConfigurationProblem:
    with pytest.raises(ConfigurationProblem) as caught:
        require_fitting_source(plan, sources)
    return caught.value


def test_nothing_is_refused_beforehand_while_nothing_is_known(
    plan: SessionPlan, token_plan: SessionPlan, sources: Sources
) -> None:
    require_fitting_source(plan, sources)
    require_fitting_source(replace(token_plan, account_id="1" * 12), sources)


def test_P18_a_token_for_another_account_than_the_sources_is_refused_before_aws_is_asked(
    token_plan: SessionPlan, sources: Sources, upstream: Upstream
) -> None:
    who(sources)
    require_fitting_source(token_plan, sources)
    error = refusal(replace(token_plan, account_id="1" * 12), sources)
    assert (error.status, error.code) == (500, "OtherAccount")
    assert "this role are of account 222222222222" in error.message % error.params
    assert upstream.seen == []


def test_a_token_with_temporary_credentials_is_refused_before_aws_is_asked(
    token_plan: SessionPlan, on_a_machine: Machine, bare: Sources, upstream: Upstream
) -> None:
    bare.is_chained(DEFAULT, Budget(10))
    error = refusal(token_plan, bare)
    assert error.code == "TemporaryCredentials"
    assert "long-term keys" in error.hint
    assert upstream.seen == []


def test_P18_a_source_of_another_partition_is_refused_before_aws_is_asked(
    plan: SessionPlan, sources: Sources, upstream: Upstream
) -> None:
    who(sources)
    china = replace(plan, partition="aws-cn", role_arn="arn:aws-cn:iam::222222222222:role/R")
    error = refusal(china, sources)
    assert error.code == "ForeignSource"
    assert "partition aws-cn" in error.hint % error.params


SAID = {
    "caller": ("because no identity-based policy allows the sts:AssumeRole action", "lacks the"),
    "trust": ("because no resource-based policy allows the sts:AssumeRole action", "trust policy"),
    "control": ("with an explicit deny in a service control policy", "service control policy"),
    "tags": ("is not authorized to perform: sts:TagSession on resource", "session tags"),
    "identity": ("is not authorized to perform: sts:SetSourceIdentity on", "source identity"),
}


@pytest.mark.parametrize("name", SAID)
def test_the_cause_that_awss_own_sentence_tells_comes_first(
    name: str, plan: SessionPlan, sources: Sources, upstream: Upstream
) -> None:
    said, words = SAID[name]
    upstream.sts.append(refused("AccessDenied", message=f"User: {BROKER_ARN} {said}"))
    full = replace(plan, source_identity="ann", session_tags={"a": "b"})
    with pytest.raises(UpstreamError) as caught:
        fetch(full, sources, Budget(10))
    lines = caught.value.hint.splitlines()
    assert words in lines[0]
    assert len(lines) == len(set(lines)) == 6
    assert BROKER_KEY_ID not in caught.value.log
