"""What the Dockerfile promises before anybody builds it; deploy/try-image tries the image."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from portal import settings
from portal.env import DECLARED

PROJECT = Path(__file__).resolve().parent.parent
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in re.sub(
        r"\\\n",
        " ",
        re.sub(r"^#.*\n", "", (PROJECT / "Dockerfile").read_text(), flags=re.MULTILINE),
    ).splitlines()
    if line.strip()
]


def words_of(name: str) -> list[str]:
    return [words for instruction, words in INSTRUCTIONS if instruction == name]


def what_runs() -> list[tuple[str, str]]:
    """The instructions of the last stage: what they leave is the image."""
    last = max(index for index, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM")
    return [(name, words) for name, words in INSTRUCTIONS[last:]]


def test_P41_the_base_is_an_argument_of_both_stages() -> None:
    assert INSTRUCTIONS[0][0] == "ARG"
    assert [words.split()[0] for words in words_of("FROM")] == ["${BASE}", "${BASE}"]


def test_P41_the_image_runs_as_nobody_in_particular() -> None:
    assert [words for name, words in what_runs() if name == "USER"] == ["10001:10001"]


def test_P41_no_compiler_and_no_headers_are_in_what_runs() -> None:
    text = " ".join(words for _, words in what_runs())
    assert not re.search(r"\b(gcc|cc|make|\S+-dev|pip)\b", text)


def test_P41_everything_is_locked_and_nothing_comes_by_address() -> None:
    assert words_of("ADD") == []
    installs = [part for words in words_of("RUN") for part in words.split("&&")]
    pips = [part for part in installs if part.strip().startswith("pip install")]
    assert pips
    assert [part for part in pips if "--require-hashes" not in part] == []
    assert "://" not in re.sub(r"sqlite:////data", "", (PROJECT / "Dockerfile").read_text())


def test_P40_the_first_process_is_the_server_itself() -> None:
    [command] = words_of("CMD")
    assert json.loads(command) == ["python", "-m", "portal.server.serve"]


def test_p20_only_what_the_portal_runs_with_goes_into_the_build() -> None:
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = {
        source
        for words in words_of("COPY")
        if not words.startswith("--from")
        for source in words.split()[:-1]
    }
    assert let_in == copied
    wanted = ("accounts", "portal", "templates", "static", "locale")
    assert {name for name in wanted if (PROJECT / name).is_dir()} <= copied


@pytest.mark.parametrize("service", ["portal", "migration"])
def test_P41_compose_gives_the_portal_no_more_than_it_needs(service: str) -> None:
    composed = YAML(typ="safe").load(PROJECT / "deploy/compose.yaml")["services"][service]
    assert composed["read_only"] is True
    assert composed["cap_drop"] == ["ALL"]
    assert composed["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in composed
    assert "privileged" not in composed


def test_the_example_of_settings_names_only_those_that_there_are() -> None:
    assert settings.PORT
    named = re.findall(
        r"^#?([A-Z_]+)=", (PROJECT / "deploy/sekisho.env.example").read_text(), re.MULTILINE
    )
    of_botocore = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
    assert len(named) > 10
    assert set(named) <= DECLARED.keys() | of_botocore
