"""The stand-in as a program: ready, quiet, and gone when it should be."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo.standin import Config, ConfigError
from tests.demo.conftest import BROKER, WORLD

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "demo.standin", "--config"]
PARENT = """
import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "world.json"
    path.write_text(WORLD.to_json(), encoding="utf-8")
    return path


@pytest.fixture
def program(config_file: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [*COMMAND, str(config_file)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_ends_quietly(
    program: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    assert program.stdout is not None
    addresses = json.loads(program.stdout.readline())
    assert addresses.keys() == {"sts_url", "federation_url", "console_url"}
    assert requests.get(addresses["federation_url"], timeout=5).status_code == 400
    assert requests.get(addresses["console_url"], timeout=5).status_code == 404
    program.send_signal(number)
    out, err = program.communicate(timeout=5)
    assert (program.returncode, out, err) == (0, "", "")


def test_what_was_put_into_its_iam_is_there_at_the_next_start(
    config_file: Path, tmp_path: Path
) -> None:
    command = [*COMMAND, str(config_file), "--kept", str(tmp_path / "iam.json")]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    form = {
        "account_id": "999988887777",
        "name": "New",
        "trust_policy": json.dumps({"Version": "2012-10-17", "Statement": statement}),
        "max_session_seconds": "3600",
    }
    pages = []
    for _ in range(2):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["console_url"]
            pages.append(requests.get(f"{url}/iam/", timeout=5).text)
            sent = requests.post(f"{url}/iam/role/", form, headers={"Origin": url}, timeout=5)
            process.terminate()
        assert sent.status_code == 200
    assert ["account_id=999988887777" in page for page in pages] == [False, True]


def test_a_file_that_iam_did_not_write_ends_it_with_the_reason(
    config_file: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "iam.json"
    kept.write_text("{}")
    command = [*COMMAND, str(config_file), "--kept", str(kept)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=5, check=False, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{kept}: not what IAM kept: KeyError")


def test_it_ends_with_the_process_that_started_it(config_file: Path) -> None:
    command = [sys.executable, "-c", PARENT, *COMMAND, str(config_file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert '"sts_url"' in parent.stdout.readline() + parent.stdout.readline()
        parent.kill()
        # The child holds the other end of this pipe: it closes when the child is gone.
        parent.communicate(timeout=5)


def test_it_ends_at_once_when_its_parent_is_gone_already(config_file: Path) -> None:
    command = [*COMMAND, str(config_file), "--parent", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=5, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_it_reads_its_configuration_from_standard_input_too(config_file: Path) -> None:
    command = [*COMMAND, "-"]
    done = subprocess.run(
        command, cwd=ROOT, input="{}", capture_output=True, timeout=5, check=False, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("-: not a configuration: KeyError")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('"111111111111"', '"11111111111"'), "12 digits"),
        (('"max_session_seconds": 7200', '"max_session_seconds": 900'), "3600 to 43200"),
        (('"name": "Partner"', '"name": "Developer"'), "twice"),
        (('"environment"', '"mood"'), "mood"),
        (
            ('"account_id": "444444444444", "access', '"account_id": "555555555555", "access'),
            "5555",
        ),
    ],
)
def test_a_world_that_cannot_be_is_refused_with_its_reason(
    change: tuple[str, str], reason: str
) -> None:
    assert change[0] in WORLD.to_json()
    with pytest.raises(ConfigError, match=reason) as caught:
        Config.from_json(WORLD.to_json().replace(*change))
    assert BROKER.secret_access_key not in str(caught.value)
