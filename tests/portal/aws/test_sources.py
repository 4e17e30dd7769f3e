"""How the broker gets its own credentials, and what it says when it cannot."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from portal.aws.broker_credentials import BrokerCredentials
from portal.aws.budget import Budget
from portal.aws.methods import fetch
from portal.aws.plan import SessionPlan, SourceSettings
from portal.aws.sources import Sources
from portal.aws.transport import Transport
from portal.errors import AwsUnavailable, ConfigurationProblem, UpstreamError
from tests.faults.fixtures import BROKER_KEY_ID, DEFAULT
from tests.faults.upstream import Upstream, refused

HUB = SourceSettings("hub", "hub-profile")


def config(tmp_path: Path, text: str) -> None:
    (tmp_path / "aws-config").write_text(text)


def credentials_file(tmp_path: Path, key: str, token: str = "") -> None:
    lines = ["[default]", f"aws_access_key_id = {key}", "aws_secret_access_key = s"]
    lines += [f"aws_session_token = {token}"] if token else []
    (tmp_path / "aws-credentials").write_text("\n".join(lines))


def problem(sources: Sources, source: SourceSettings, seconds: float = 10) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        sources.is_chained(source, Budget(seconds))
    return caught.value


# --- none -----------------------------------------------------------------------------------------


def test_no_credentials_at_all_is_for_an_administrator_and_names_the_source(
    transport: Transport,
) -> None:
    error = problem(Sources(transport), DEFAULT)
    assert isinstance(error, ConfigurationProblem)
    assert (error.status, error.code) == (500, "NoCredentialsError")
    assert "no AWS credentials of its own" in error.message
    assert "“default”" in error.hint % error.params


CONFIGURATIONS = {
    "no such profile": ("[profile other]\nregion = eu-west-1\n", "ProfileNotFound", "profile"),
    "not a configuration": ("this is no configuration\n", "ConfigParseError", "configuration"),
    "half a key": (
        "[profile hub-profile]\naws_access_key_id = AKIA9\n",
        "PartialCredentialsError",
        "incomplete",
    ),
    "a program that is not there": (
        "[profile hub-profile]\ncredential_process = /nowhere/at-all\n",
        "FileNotFoundError",
        "is not there",
    ),
    "a program that fails": (
        "[profile hub-profile]\ncredential_process = false\n",
        "CredentialRetrievalError",
        "failed",
    ),
    "a program that talks nonsense": (
        "[profile hub-profile]\ncredential_process = echo nonsense\n",
        "JSONDecodeError",
        "could not get",
    ),
    "a sign-on that ended": (
        (
            "[profile hub-profile]\nsso_session = corp\nsso_account_id = 111111111111\n"
            "sso_role_name = R\n[sso-session corp]\nsso_region = eu-west-1\n"
            "sso_start_url = https://corp.example.test/start\n"
        ),
        "SSOTokenLoadError",
        "sign-on",
    ),
    "a profile that leads in a circle": (
        (
            "[profile hub-profile]\nrole_arn = arn:aws:iam::111111111111:role/a\n"
            "source_profile = b\n[profile b]\nrole_arn = arn:aws:iam::111111111111:role/b\n"
            "source_profile = hub-profile\n"
        ),
        "InfiniteLoopConfigError",
        "could not get",
    ),
}


@pytest.mark.parametrize(("text", "code", "words"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_each_broken_configuration_has_its_own_words_and_names_the_source(
    text: str,
    code: str,
    words: str,
    transport: Transport,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config(tmp_path, text)
    error = problem(Sources(transport), HUB)
    assert isinstance(error, ConfigurationProblem)
    assert (error.status, error.code) == (500, code)
    assert words in error.message % error.params
    assert error.hint % error.params
    assert "hub" in error.log


def test_a_configuration_that_was_mended_counts_without_a_restart(
    transport: Transport, tmp_path: Path
) -> None:
    sources = Sources(transport)
    assert problem(sources, HUB).code == "ProfileNotFound"
    config(
        tmp_path,
        "[profile hub-profile]\naws_access_key_id = AKIA9\naws_secret_access_key = s\n",
    )
    assert sources.is_chained(HUB, Budget(10)) is False


def test_credentials_that_appear_later_count_without_a_restart(
    transport: Transport, tmp_path: Path
) -> None:
    sources = Sources(transport)
    assert problem(sources, DEFAULT).code == "NoCredentialsError"
    credentials_file(tmp_path, "AKIA9")
    assert sources.is_chained(DEFAULT, Budget(10)) is False


# --- chained --------------------------------------------------------------------------------------


def test_long_term_keys_are_not_chained_and_keys_with_a_token_are(
    transport: Transport, tmp_path: Path
) -> None:
    credentials_file(tmp_path, "AKIA9")
    assert Sources(transport).is_chained(DEFAULT, Budget(10)) is False
    credentials_file(tmp_path, "ASIA9", token="t")
    assert Sources(transport).is_chained(DEFAULT, Budget(10)) is True


def test_a_profile_that_assumes_a_role_is_chained(
    transport: Transport, upstream: Upstream, tmp_path: Path
) -> None:
    config(
        tmp_path,
        "[profile hub-profile]\nrole_arn = arn:aws:iam::111111111111:role/Broker\n"
        "source_profile = keys\nregion = eu-west-1\n"
        "[profile keys]\naws_access_key_id = AKIA9\naws_secret_access_key = s\n",
    )
    assert Sources(transport).is_chained(HUB, Budget(10)) is True
    assert upstream.asked_sts[0].parameters["RoleArn"].endswith("role/Broker")


def test_a_machines_metadata_is_not_chained_though_it_has_a_token(
    transport: Transport, metadata: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata)
    assert Sources(transport).is_chained(DEFAULT, Budget(10)) is False


def test_a_containers_credentials_are_chained(
    transport: Transport, metadata: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{metadata}container")
    assert Sources(transport).is_chained(DEFAULT, Budget(10)) is True


@pytest.fixture
def metadata() -> Iterator[str]:
    """The metadata services of a machine and of a container."""

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listing = self.path.endswith("security-credentials/")
            until = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
            found = {"Code": "Success", "AccessKeyId": "ASIA7", "SecretAccessKey": "s"}
            body = "role" if listing else json.dumps(found | {"Token": "t", "Expiration": until})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Metadata) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


# --- change ---------------------------------------------------------------------------------------


def test_rotated_keys_count_at_the_next_launch_without_a_restart(
    plan: SessionPlan,
    transport: Transport,
    upstream: Upstream,
    budget: Budget,
    tmp_path: Path,
    waits: list[float],
) -> None:
    sources = Sources(transport)
    credentials_file(tmp_path, "AKIAOLD")
    fetch(plan, sources, budget)
    credentials_file(tmp_path, "ASIANEW", token="t")
    upstream.sts.append(refused("InvalidClientTokenId"))
    fetch(plan, sources, budget)
    keys = [
        seen.headers["authorization"].split("Credential=")[1][:7] for seen in upstream.asked_sts
    ]
    assert keys == ["AKIAOLD", "AKIAOLD", "ASIANEW"]
    assert waits == []
    assert sources.is_chained(DEFAULT, budget) is True


def test_keys_that_were_not_replaced_are_not_tried_again(
    plan: SessionPlan, sources: Sources, upstream: Upstream, budget: Budget
) -> None:
    upstream.sts.extend([refused("ExpiredToken")] * 3)
    with pytest.raises(UpstreamError):
        fetch(plan, sources, budget)
    assert len(upstream.asked_sts) == 1


class Machine:
    """A metadata service that can be asked, hang or fail; counts how often it was asked."""

    def __init__(self, lasting: float) -> None:
        self.lasting = lasting
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.fails = False

    def load(self) -> Credentials:
        return RefreshableCredentials.create_from_metadata(self.refresh(), self.refresh, "iam-role")

    def refresh(self) -> dict[str, str]:
        self.asked += 1
        self.may_answer.wait(30)
        if self.fails:
            raise OSError("metadata is down")
        until = datetime.now(UTC) + timedelta(seconds=self.lasting)
        key = f"ASIA{self.asked}"
        return {
            "access_key": key,
            "secret_key": "s",
            "token": "t",
            "expiry_time": until.isoformat(),
        }


def wait_until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not true() and time.monotonic() < ends:
        threading.Event().wait(0.01)
    assert true()


def test_p36_credentials_that_hang_take_no_more_than_the_budget_and_only_one_thread() -> None:
    machine = Machine(lasting=6 * 3600)
    machine.may_answer.clear()
    credentials = BrokerCredentials(DEFAULT, machine.load)
    for _ in range(3):
        with pytest.raises(AwsUnavailable) as caught:
            credentials.current(Budget(0.05))
        assert (caught.value.status, caught.value.code) == (504, "CredentialsTimeout")
    assert machine.asked == 1
    machine.may_answer.set()
    assert credentials.current(Budget(10)).frozen.access_key == "ASIA1"


def test_ageing_credentials_are_used_while_newer_ones_are_fetched() -> None:
    machine = Machine(lasting=12 * 60)
    credentials = BrokerCredentials(DEFAULT, machine.load)
    first = credentials.current(Budget(10)).frozen
    machine.may_answer.clear()
    assert credentials.current(Budget(10)).frozen == first
    machine.lasting = 6 * 3600
    machine.may_answer.set()
    wait_until(lambda: credentials.current(Budget(10)).frozen != first)


def test_ageing_credentials_survive_a_metadata_service_that_is_down() -> None:
    machine = Machine(lasting=5 * 60)
    credentials = BrokerCredentials(DEFAULT, machine.load)
    first = credentials.current(Budget(10)).frozen
    machine.fails = True
    asked = machine.asked
    assert credentials.current(Budget(10)).frozen == first
    wait_until(lambda: machine.asked > asked)
    assert credentials.current(Budget(10)).frozen == first


def test_spent_credentials_are_never_used() -> None:
    machine = Machine(lasting=30)
    credentials = BrokerCredentials(DEFAULT, machine.load)
    first = credentials.current(Budget(10)).frozen
    assert credentials.current(Budget(10)).frozen != first
    machine.fails = True
    with pytest.raises(ConfigurationProblem):
        credentials.current(Budget(10))


def test_many_threads_at_once_ask_for_credentials_once() -> None:
    machine = Machine(lasting=6 * 3600)
    machine.may_answer.clear()
    credentials = BrokerCredentials(DEFAULT, machine.load)
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(str(credentials.current(Budget(10)).frozen.access_key))
        )
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: machine.asked == 1)
    machine.may_answer.set()
    for thread in threads:
        thread.join()
    assert (machine.asked, set(found), len(found)) == (1, {"ASIA1"}, 20)


# --- regions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "region", "partition", "expected"),
    [
        ("AWS_REGION", "eu-central-1", "aws", "sts.eu-central-1.amazonaws.com"),
        ("AWS_DEFAULT_REGION", "eu-central-1", "aws", "sts.eu-central-1.amazonaws.com"),
        ("AWS_REGION", "us-gov-west-1", "aws", "sts.us-east-1.amazonaws.com"),
        ("AWS_REGION", "eu-central-1", "aws-cn", "sts.cn-north-1.amazonaws.com.cn"),
        ("AWS_REGION", "cn-northwest-1", "aws-cn", "sts.cn-northwest-1.amazonaws.com.cn"),
        ("AWS_REGION", "", "aws", "sts.us-east-1.amazonaws.com"),
        ("AWS_REGION", "", "aws-us-gov", "sts.us-gov-west-1.amazonaws.com"),
        ("AWS_REGION", "", "aws-eusc", "sts.eusc-de-east-1.amazonaws.eu"),
        ("AWS_REGION", "nowhere", "aws", "sts.us-east-1.amazonaws.com"),
    ],
)
def test_sts_is_asked_in_the_sources_region_or_in_the_accounts_partition(
    variable: str,
    region: str,
    partition: str,
    expected: str,
    sources: Sources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, region)
    client = sources.broker(DEFAULT).sts(partition)
    assert client.meta.endpoint_url == f"https://{expected}"


def test_the_profiles_region_counts_and_the_environment_before_it(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(tmp_path, "[default]\nregion = eu-west-3\n[profile hub-profile]\nregion = sa-east-1\n")
    assert sources.broker(HUB).sts_region("aws") == "sa-east-1"
    assert sources.broker(DEFAULT).sts_region("aws") == "eu-west-3"
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert sources.broker(SourceSettings("other")).sts_region("aws") == "eu-north-1"


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn", "aws-eusc"])
def test_an_endpoint_of_ones_own_counts_for_every_partition(
    partition: str, sources: Sources, upstream: Upstream
) -> None:
    assert sources.broker(DEFAULT).sts(partition).meta.endpoint_url == upstream.url


def test_an_endpoint_that_cannot_be_is_for_an_administrator(
    plan: SessionPlan, sources: Sources, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "no address")
    with pytest.raises(ConfigurationProblem) as caught:
        fetch(plan, sources, budget)
    assert caught.value.code == "InvalidEndpoint"
    assert "AWS_ENDPOINT_URL_STS" in caught.value.hint


def test_two_sources_sign_with_their_own_keys(
    plan: SessionPlan, sources: Sources, upstream: Upstream, budget: Budget, tmp_path: Path
) -> None:
    config(
        tmp_path,
        "[profile hub-profile]\naws_access_key_id = AKIAHUB\naws_secret_access_key = s\n",
    )
    fetch(plan, sources, budget)
    fetch(SessionPlan(**{**vars(plan), "source": HUB}), sources, budget)
    first, second = (seen.headers["authorization"] for seen in upstream.asked_sts)
    assert f"Credential={BROKER_KEY_ID}/" in first
    assert "Credential=AKIAHUB/" in second


def test_sessions_and_clients_are_made_once_however_many_threads_ask(sources: Sources) -> None:
    found: set[int] = set()
    start = threading.Barrier(12)

    def ask() -> None:
        start.wait(10)
        found.add(id(sources.broker(DEFAULT).sts("aws")))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
