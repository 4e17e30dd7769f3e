"""A wrong setting stops the start with one line that names it; P41: unsafe ones are refused."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from portal import env
from tests.served import ROOT, free_port

GOOD = {
    "SECRET_KEY": "a-signing-key-of-more-than-32-characters",
    "PORTAL_RECORD_KEY": "a-record-key-of-more-than-32-characters",
    "PATH": "/usr/bin:/bin",
    "PYTHONPATH": str(ROOT),
}


SERVE = ("-m", "portal.server.serve")


def start(cwd: Path, *words: str, **variables: str | None) -> "subprocess.CompletedProcess[str]":
    """Run Python with these words, else ``manage.py check``; settings not given are right."""
    given = {name: value for name, value in (GOOD | variables).items() if value is not None}
    given.setdefault("DATABASE_URL", f"sqlite:///{cwd}/portal.sqlite3")
    return subprocess.run(
        [sys.executable, *(words or (str(ROOT / "manage.py"), "check"))],
        cwd=cwd,
        env=given,
        capture_output=True,
        text=True,
        check=False,
        # A server that is refused goes on with nothing.
        timeout=20 if words == SERVE else 60,
    )


WRONG: dict[str, list[str | None]] = {
    "SECRET_KEY": [None, "", "short", "x" * 40, "django-insecure-" + "abcdefghij" * 4],
    "PORTAL_RECORD_KEY": [None, "short", "a-record-key-of-more-than-32-characters short"],
    "PORTAL_URL": [
        "http://portal.example.com",
        "portal.example.com",
        "https://portal.example.com/path",
        "https://user:pw@portal.example.com",
        "ftp://portal.example.com",
        "https://",
    ],
    "PORTAL_TRUSTED_PROXIES": [
        "*",
        "proxy.internal",
        "10.0.0.1,10.0.0.2",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "0.0.0.0/0",
        "::/0",
        "0.0.0.0/1 128.0.0.0/1",
        "::ffff:0.0.0.0/96",
    ],
    "PORT": ["0", "65536", "http", "-1"],
    "BIND": ["everywhere", "1.2.3"],
    "ALLOWED_HOSTS": ["*", "https://portal.example.com", "a_b"],
    "DEBUG": ["yes", "1", "perhaps"],
    "LOG_LEVEL": ["LOUD"],
    "DATABASE_URL": [
        "mysql://db/portal",
        "portal.sqlite3",
        "sqlite:///",
        "postgresql://ann:the-password@db/portal?passfile=/etc/passwd",
        "postgresql://ann:the-password@db/",
    ],
    "PORTAL_FEDERATION_URL": ["http://signin.example.com/federation", "signin"],
    "AWS_ENDPOINT_URL_STS": ["http://sts.example.com", "sts"],
    "AWS_ENDPOINT_URL": ["http://aws.example.com"],
    "PORTAL_UPSTREAM_TIMEOUT_SECONDS": ["0", "-1", "1.5", "ten"],
    "PORTAL_LAUNCHES_PER_MINUTE": ["-1", "many"],
    "PORTAL_SESSION_IDLE_SECONDS": ["0", "1h"],
    "PORTAL_SESSION_SECONDS": ["0", "x"],
    "WEB_CONCURRENCY": ["0"],
    "PORTAL_THREADS": ["0"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_P41_a_wrong_setting_stops_the_start_with_one_line_that_names_it(
    tmp_path: Path, name: str, value: str | None
) -> None:
    stopped = start(tmp_path, **{name: value})
    lines = stopped.stderr.strip().splitlines()
    assert stopped.returncode == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"{name} is ")
    assert "the-password" not in stopped.stderr
    if name in {"SECRET_KEY", "PORTAL_RECORD_KEY"} and value:
        assert value not in stopped.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"PORTAL_URL": "https://portal.example.com/", "ALLOWED_HOSTS": "a.example.com b.internal"},
        {"PORTAL_URL": "http://127.0.0.1:9000", "DEBUG": "no", "PORTAL_LAUNCHES_PER_MINUTE": "0"},
        {"SECRET_KEY": f"{GOOD['SECRET_KEY']} {GOOD['SECRET_KEY']}-old"},
        {"PORTAL_TRUSTED_PROXIES": " 10.0.0.7  192.0.2.0/24 ::1 2001:db8::/64 "},
        {"PORTAL_SESSION_IDLE_SECONDS": "1", "PORTAL_UPSTREAM_TIMEOUT_SECONDS": "1"},
    ],
)
def test_right_settings_start(tmp_path: Path, variables: dict[str, str]) -> None:
    started = start(tmp_path, **variables)
    assert started.returncode == 0, started.stderr


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://portal.example.com/", "https://portal.example.com"),
        ("https://Portal.Example.com:443", "https://portal.example.com"),
        ("https://portal.example.com:8443", "https://portal.example.com:8443"),
        ("http://localhost:80/", "http://localhost"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_public_address_is_kept_as_browsers_write_an_origin(
    monkeypatch: pytest.MonkeyPatch, given: str, kept: str
) -> None:
    monkeypatch.setenv("PORTAL_URL", given)
    assert env.base_url("PORTAL_URL", "", "") == kept


def test_a_dot_env_file_in_the_working_directory_counts_and_the_environment_wins(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("PORT=9\nPORTAL_THREADS=none\n", encoding="utf-8")
    assert "PORTAL_THREADS is 'none'" in start(tmp_path).stderr
    assert start(tmp_path, PORTAL_THREADS="4").returncode == 0


def test_a_dot_env_file_says_what_stands_there(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('PORTAL_THREADS="${PATH}"\n', encoding="utf-8")
    assert "PORTAL_THREADS is '${PATH}'" in start(tmp_path).stderr


def test_names_that_look_like_settings_and_are_none_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AUTH_LDAP_REFRESH_SECOND=5\n", encoding="utf-8")
    unknown = {"PORTAL_TRUSTED_PROXYS": "10.0.0.7", "AUTH_LDAP_QWXZKJVQWXZKJV": ""}
    unknown["PORTAL_PASSWORD"] = "of-the-database"
    started = start(tmp_path, **unknown)
    assert started.returncode == 0
    for line in (
        "AUTH_LDAP_REFRESH_SECOND is no setting; did you mean AUTH_LDAP_REFRESH_SECONDS?",
        "PORTAL_TRUSTED_PROXYS is no setting; did you mean PORTAL_TRUSTED_PROXIES?",
        "AUTH_LDAP_QWXZKJVQWXZKJV is no setting.",
    ):
        assert line in started.stderr
    assert "PORTAL_PASSWORD" not in started.stderr


def test_the_list_of_settings_is_made_from_the_code_and_up_to_date() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    made = subprocess.run(
        [sys.executable, "-m", "portal.settings_page"],
        cwd=ROOT,
        env=GOOD,
        capture_output=True,
        text=True,
        check=True,
    )
    assert written == made.stdout
    assert all(name in written for name in env.DECLARED)


def test_a_second_start_on_a_used_port_says_so_in_one_line(tmp_path: Path) -> None:
    port = free_port()

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        refused = subprocess.run(
            [sys.executable, "-m", "portal.server.serve"],
            cwd=tmp_path,
            env=GOOD | {"PORT": str(port), "DATABASE_URL": f"sqlite:///{tmp_path}/p.sqlite3"},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"PORT is {port}, which cannot be listened on")
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "p.sqlite3").exists()


def test_P41_the_settings_that_are_served_pass_djangos_deployment_check(tmp_path: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=GOOD
        | {
            "PORTAL_URL": "https://portal.example.com",
            "DATABASE_URL": f"sqlite:///{tmp_path}/p.sqlite3",
            "PYTHON_DOTENV_DISABLED": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_a_command_before_the_first_migration_says_so_in_one_line(tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "createsuperuser", "--noinput"],
        cwd=tmp_path,
        env=GOOD | {"DATABASE_URL": f"sqlite:///{tmp_path}/p.sqlite3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "./run manage migrate" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "p.sqlite3").exists()


def test_an_address_that_is_not_this_machines_is_named(tmp_path: Path) -> None:
    refused = start(tmp_path, *SERVE, BIND="192.0.2.1")
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert "BIND=192.0.2.1 is no address of this machine" in line


def test_a_database_file_that_is_not_there_stops_a_start_that_does_not_make_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "p.sqlite3"
    changes = {"PORTAL_MIGRATE": "no", "DATABASE_URL": f"sqlite:///{file}"}
    refused = start(tmp_path, *SERVE, PORT=str(free_port()), **changes)
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith(f"DATABASE_URL leads to {file}, which cannot be used")
    assert not file.exists()


def test_a_start_on_a_database_that_is_not_migrated_says_so_in_the_log(tmp_path: Path) -> None:
    file = tmp_path / "p.sqlite3"
    file.touch()
    prepare = ("-c", "from portal.server import serve; serve.prepare()")
    changes = {"PORTAL_MIGRATE": "no", "DATABASE_URL": f"sqlite:///{file}"}
    prepared = start(tmp_path, *prepare, PORT=str(free_port()), **changes)
    assert prepared.returncode == 0, prepared.stderr
    lines = [json.loads(line) for line in prepared.stderr.splitlines()]
    assert [line["problem"] for line in lines if line["message"] == "not ready"] == [
        "the database needs migrating (./run manage migrate)"
    ]
