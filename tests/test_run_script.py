"""What `./run`, `.ci/run` and the locks promise to whoever clones the project.

Each test works on a copy of the script in a project of its own. Python and pip are stand-ins
there, which note their calls, so that no test installs anything.
"""

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

PROJECT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 30
LOCKS = (
    "requirements-demo.txt",
    "requirements-build.txt",
    "requirements.txt",
    "requirements-dev.txt",
)
INSTALLED = ["pip requirements-build.txt", "pip requirements.txt"]

# Stands in for the system's python3 and for the one in .venv. "-m venv" makes a .venv that
# holds this same script; pip and the portal's programs are only noted; the rest is Python's.
FAKE_PYTHON = f"""#!/bin/sh
case "$*" in
*"-m venv"*)
    echo venv >>"$FAKE_CALLS"
    for place; do :; done
    mkdir -p "$place/bin"
    cp "$0" "$place/bin/python"
    ;;
*"-m pip install"*)
    for lock; do :; done
    echo "pip ${{lock##*/}}" >>"$FAKE_CALLS"
    if [ -p "$FAKE_CALLS.started" ] && [ "${{lock##*/}}" = requirements.txt ]; then
        echo started >"$FAKE_CALLS.started"
        read -r _ <"$FAKE_CALLS.go"
    fi
    ;;
*"-m demo.start"* | *"-m portal.server.serve"* | *"-m pytest"*)
    echo "$*" >>"$FAKE_CALLS"
    env >"$FAKE_CALLS.environment"
    exit "${{FAKE_STATUS:-0}}"
    ;;
*"import ldap"*) exit "${{FAKE_LDAP_STATUS:-0}}" ;;
*) exec {sys.executable} "$@" ;;
esac
"""

MANAGE = """
import json, os, sys
print(json.dumps({"words": sys.argv[1:], "cwd": os.getcwd(), "home": os.environ["HOME"]}))
sys.exit(7)
"""


class Project:
    """A project of its own with a copy of `run`, and the calls that its stand-ins noted."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a project"
        self.root.mkdir()
        self.tools = folder / "tools"
        self.tools.mkdir()
        self.calls_file = folder / "calls"
        self.started: list[subprocess.Popen[str]] = []
        shutil.copy(PROJECT / "run", self.root)
        for lock in LOCKS:
            (self.root / lock).write_text(f"# the lock {lock}\n")
        (self.root / "manage.py").write_text(MANAGE)
        self.add_tool("python3", FAKE_PYTHON)

    def add_tool(self, name: str, text: str) -> None:
        """Put a stand-in before everything else on the PATH."""
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def environment(self, **settings: str) -> dict[str, str]:
        """What the script is started with: the stand-ins first, then the caller's settings."""
        path = f"{self.tools}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "FAKE_CALLS": str(self.calls_file), **settings}

    def run(
        self, *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the script to its end."""
        return subprocess.run(
            [self.root / "run", *words],
            cwd=cwd or self.root,
            env=env or self.environment(),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the script without waiting for it; ``stop`` ends it and what it started."""
        started = subprocess.Popen(
            [self.root / "run", *words],
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(started)
        return started

    def stop(self) -> None:
        """End whatever was started and still runs."""
        for started in self.started:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.communicate()

    def calls(self) -> list[str]:
        """What the stand-ins noted so far."""
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    def noted_environment(self) -> dict[str, str]:
        """The environment in which the portal's program or pytest was started."""
        lines = Path(f"{self.calls_file}.environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    yield project
    project.stop()


@pytest.mark.parametrize("words", [(), ("deploy",), ("--version",)])
def test_an_unknown_command_prints_the_usage_and_exits_2(
    project: Project, words: tuple[str, ...]
) -> None:
    answer = project.run(*words)
    assert answer.returncode == 2
    assert answer.stderr.startswith("usage: ./run COMMAND")
    assert answer.stdout == ""
    assert project.calls() == []


def test_help_prints_the_usage_and_succeeds(project: Project) -> None:
    answer = project.run("help")
    assert answer.returncode == 0
    assert answer.stdout.startswith("usage: ./run COMMAND")


def test_the_script_is_sound_posix_shell() -> None:
    subprocess.run(["sh", "-n", PROJECT / "run"], check=True, timeout=LIMIT_SECONDS)


def test_manage_keeps_words_directory_output_and_exit_status(
    project: Project, tmp_path: Path
) -> None:
    answer = project.run("manage", "access", "apply", "my file.yaml", cwd=tmp_path)
    assert answer.returncode == 7
    assert '"words": ["access", "apply", "my file.yaml"]' in answer.stdout
    assert f'"cwd": "{tmp_path}"' in answer.stdout
    assert len(answer.stdout.splitlines()) == 1


def test_manage_works_in_an_empty_environment(project: Project) -> None:
    project.run("manage")
    answer = project.run("manage", "check", env={"FAKE_CALLS": str(project.calls_file)})
    assert answer.returncode == 7
    assert '"words": ["check"]' in answer.stdout
    assert '"home": "/' in answer.stdout


def test_the_script_works_through_a_symbolic_link(project: Project, tmp_path: Path) -> None:
    link = tmp_path / "sekisho"
    link.symlink_to(project.root / "run")
    answer = subprocess.run(
        [link, "manage"], env=project.environment(), capture_output=True, check=False
    )
    assert answer.returncode == 7


def test_demo_and_serve_start_their_programs_with_their_words_and_status(project: Project) -> None:
    env = project.environment(FAKE_STATUS="3")
    assert project.run("demo", "manage", "check", env=env).returncode == 3
    assert project.run("serve", env=env).returncode == 3
    started = [call for call in project.calls() if call.startswith("-m ")]
    assert started == ["-m demo.start manage check", "-m portal.server.serve"]


def test_only_the_first_start_installs(project: Project) -> None:
    project.run("manage")
    assert project.calls() == ["venv", *INSTALLED]
    second = project.run("manage")
    assert project.calls() == ["venv", *INSTALLED]
    assert second.stderr == ""


def test_a_changed_lock_is_installed_at_the_next_start(project: Project) -> None:
    project.run("manage")
    (project.root / "requirements.txt").write_text("# another lock\n")
    project.run("manage")
    assert project.calls() == ["venv", *INSTALLED, *INSTALLED]


def test_a_moved_project_gets_a_new_environment(project: Project) -> None:
    project.run("manage")
    project.root = project.root.rename(project.root.with_name("moved"))
    project.run("manage")
    assert project.calls() == ["venv", *INSTALLED, "venv", *INSTALLED]


def test_an_environment_that_is_only_linked_here_is_not_cleared(
    project: Project, tmp_path: Path
) -> None:
    others = tmp_path / "others"
    (others / "bin").mkdir(parents=True)
    (project.root / ".venv").symlink_to(others)
    project.run("manage", "check")
    assert project.calls() == ["venv", *INSTALLED]
    assert [path.name for path in others.rglob("*")] == ["bin"]
    assert not (project.root / ".venv").is_symlink()


def test_an_environment_that_was_made_by_hand_is_used(project: Project) -> None:
    project.add_tool("python3", FAKE_PYTHON)
    (project.root / ".venv/bin").mkdir(parents=True)
    shutil.copy(project.tools / "python3", project.root / ".venv/bin/python")
    project.run("manage")
    assert project.calls() == INSTALLED


def test_a_failed_installation_stops_and_is_tried_again(project: Project) -> None:
    noted = 'echo "pip ${lock##*/}" >>"$FAKE_CALLS"'
    broken = FAKE_PYTHON.replace(
        noted, f'{noted}; [ "${{lock##*/}}" != requirements.txt ] || exit 9'
    )
    project.add_tool("python3", broken)
    first = project.run("manage")
    assert first.returncode == 1
    assert first.stderr.splitlines()[-1] == "run: pip could not install requirements.txt"
    project.run("manage")
    assert project.calls() == ["venv", *INSTALLED, *INSTALLED]


def read_line_within_limit(stream: IO[str]) -> str:
    ready, _, _ = select.select([stream], [], [], LIMIT_SECONDS)
    assert ready, "nothing was said in time"
    return stream.readline()


def test_two_first_starts_at_once_install_once(project: Project) -> None:
    started, go = Path(f"{project.calls_file}.started"), Path(f"{project.calls_file}.go")
    os.mkfifo(started)
    os.mkfifo(go)
    # Opened for both directions, neither end waits for the other to be there.
    with (
        os.fdopen(os.open(started, os.O_RDWR), "r") as started_end,
        os.fdopen(os.open(go, os.O_RDWR), "w") as go_end,
    ):
        first = project.start("manage")
        assert read_line_within_limit(started_end) == "started\n"
        second = project.start("manage")
        assert second.stderr is not None
        assert read_line_within_limit(second.stderr).startswith("Waiting for another ./run")
        go_end.write("go\n")
        go_end.flush()
        assert [first.wait(LIMIT_SECONDS), second.wait(LIMIT_SECONDS)] == [7, 7]
    assert project.calls() == ["venv", *INSTALLED]


@pytest.mark.parametrize(
    "python",
    ["#!/bin/sh\necho 'Python 3.9'\nexit 1\n", "#!/bin/sh\nexit 127\n"],
    ids=["too old", "missing"],
)
def test_without_a_fitting_python_one_line_says_what_to_install(
    project: Project, python: str
) -> None:
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        project.add_tool(name, python)
    project.add_tool("id", "#!/bin/sh\necho 1000\n")
    project.add_tool("sudo", "#!/bin/sh\nexit 1\n")
    answer = project.run("manage")
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "needs Python 3.11 or newer" in answer.stderr
    assert "apt-get install python3 python3-venv" in answer.stderr


def test_root_gets_only_what_is_missing_from_apt(project: Project) -> None:
    old = (project.tools / "python3").read_text()
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        project.add_tool(name, "#!/bin/sh\nexit 127\n")
    project.add_tool("new-python", old)
    project.add_tool("id", "#!/bin/sh\necho 0\n")
    project.add_tool(
        "apt-get",
        f'#!/bin/sh\necho "apt $*" >>"$FAKE_CALLS"\ncp "{project.tools}/new-python" '
        f'"{project.tools}/python3"\n',
    )
    answer = project.run("manage")
    assert answer.returncode == 7
    apt, *rest = project.calls()
    assert apt.endswith("install --no-install-recommends -y python3 python3-venv")
    assert rest == ["venv", *INSTALLED]


def test_nothing_of_the_callers_python_or_directory_is_imported(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')\n")
    env = project.environment(PYTHONPATH=str(tmp_path), PYTHONHOME="/nowhere", VIRTUAL_ENV="/no")
    assert project.run("manage", cwd=tmp_path, env=env).returncode == 7


def test_pip_settings_that_install_elsewhere_are_ignored(project: Project) -> None:
    seen = FAKE_PYTHON.replace(
        'echo "pip ${lock##*/}" >>', 'echo "pip ${PIP_TARGET-} $PIP_INDEX_URL" >>'
    )
    project.add_tool("python3", seen)
    env = project.environment(PIP_TARGET="/elsewhere", PIP_INDEX_URL="https://pip.example")
    project.run("manage", env=env)
    assert project.calls() == ["venv", *["pip  https://pip.example"] * 2]


def test_p20_nobodys_real_keys_reach_a_test(project: Project) -> None:
    env = project.environment(
        CHROMIUM="/bin/true",
        AWS_SECRET_ACCESS_KEY="real",
        AWS_PROFILE="real",
        PORTAL_RECORD_KEY="real",
        SECRET_KEY="real",
        DATABASE_URL="postgresql://real",
        AUTH_LDAP_BIND_PASSWORD="real",
        LDAPTLS_CACERT="real",
        PGPASSWORD="real",
        HTTPS_PROXY="http://real",
    )
    answer = project.run("test", "-k", "two words", env=env)
    assert answer.returncode == 0, answer.stderr
    assert project.calls()[-1] == "-m pytest -k two words"
    noted = project.noted_environment()
    assert "real" not in " ".join(noted.values()).split(" ")
    assert not {"AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "HTTPS_PROXY"} & noted.keys()
    assert noted["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert len(noted["SECRET_KEY"]) == len(noted["PORTAL_RECORD_KEY"]) == 64
    database = Path(noted["DATABASE_URL"].removeprefix("sqlite:///"))
    assert database.is_absolute()
    assert not database.parent.exists()


def without_a_compiler(project: Project, *, user: str) -> dict[str, str]:
    """Return an environment in which python-ldap is not there, and nothing that could build it.

    The system's own tools are there by name only, so that a compiler of this machine is not found.
    """
    words = (
        "sh env dirname readlink getent id cut cksum head cat mkdir rm cp mktemp flock sed tr od"
    )
    for name in (*words.split(), "grep", "find", "sort", "tail"):
        found = shutil.which(name)
        if name != "id" and found:
            (project.tools / name).symlink_to(found)
    project.add_tool("id", f"#!/bin/sh\necho {user}\n")
    return project.environment(PATH=str(project.tools), FAKE_LDAP_STATUS="1")


def test_without_a_compiler_the_demo_starts_and_the_server_says_in_one_line_what_is_missing(
    project: Project,
) -> None:
    env = without_a_compiler(project, user="1000")
    assert project.run("demo", env=env).returncode == 0
    assert project.calls() == ["venv", "pip requirements-demo.txt", "-m demo.start"]
    answer = project.run("serve", env=env)
    assert answer.returncode == 1
    assert answer.stdout == ""
    [line] = answer.stderr.splitlines()
    assert line.startswith("run: python-ldap has to be built: apt-get install gcc ")


def test_root_gets_a_compiler_from_apt_before_python_ldap_is_built(project: Project) -> None:
    env = without_a_compiler(project, user="0")
    project.add_tool(
        "apt-get",
        f'#!/bin/sh\necho "apt $*" >>"$FAKE_CALLS"\ncp /bin/true "{project.tools}/cc"\n',
    )
    answer = project.run("serve", env=env)
    assert "-y gcc" in project.calls()[0], answer.stderr


def test_without_a_browser_the_tests_fail_and_a_table_says_so(project: Project) -> None:
    answer = project.run("test", env=project.environment(CHROMIUM="/nowhere/chrome"))
    assert answer.returncode == 1
    assert re.search(r"browser +missing +CHROMIUM=/nowhere/chrome does not run", answer.stderr)
    assert re.search(r"python +present", answer.stderr)
    for part in ("compiler", "fonts", "postgres", "slapd", "nginx", "openssl", "ps"):
        assert re.search(rf"^  {part} +(present|missing) +\S", answer.stderr, re.MULTILINE)
    assert "-m pytest" not in project.calls()


@pytest.mark.parametrize("status", ["1", "5"], ids=["a failed test", "no test at all"])
def test_a_test_run_without_a_full_success_fails(project: Project, status: str) -> None:
    env = project.environment(CHROMIUM="/bin/true", FAKE_STATUS=status)
    assert project.run("test", env=env).returncode == int(status)


@pytest.mark.parametrize("failing", ["lint", "test"])
def test_ci_runs_both_and_fails_when_either_fails(tmp_path: Path, failing: str) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(PROJECT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "run").write_text(f'#!/bin/sh\necho "$1"\n[ "$1" != {failing} ]\n')
    (tmp_path / "run").chmod(0o755)
    answer = subprocess.run(
        ["bash", tmp_path / ".ci/run"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert answer.stdout.splitlines() == ["lint", "test"]


def pins(lock: str) -> dict[str, str]:
    """Each requirement of a lock, up to the next one, by its `name==version`."""
    parts = re.split(r"^(?=[a-z0-9])", (PROJECT / lock).read_text(), flags=re.MULTILINE)
    return {part.split(" ", 1)[0]: part for part in parts if "==" in part}


@pytest.mark.parametrize("lock", LOCKS)
def test_p41_every_dependency_is_locked_by_hash(lock: str) -> None:
    assert pins(lock)
    assert [pin for pin, text in pins(lock).items() if "--hash=sha256:" not in text] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_p41_no_lock_names_a_registry(lock: str) -> None:
    assert "://" not in (PROJECT / lock).read_text()
    assert "index" not in (PROJECT / lock).read_text()


def test_p41_the_tests_run_with_exactly_what_runs_in_production() -> None:
    assert pins("requirements-demo.txt").keys() < pins("requirements.txt").keys()
    assert pins("requirements.txt").keys() < pins("requirements-dev.txt").keys()


def test_a_python_that_the_services_user_cannot_execute_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        project = Project(Path(folder))
        target = Path(folder, "somebody-elses-python")
        target.write_text("")
        link = project.root / ".venv" / "bin" / "python"
        link.parent.mkdir(parents=True)
        link.symlink_to(target)
        link.parent.parent.chmod(0o555)
        # Root may write anywhere, so it becomes somebody else.
        as_nobody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        answer = subprocess.run(
            [*as_nobody, project.root / "run", "serve"],
            env=project.environment(HOME="/"),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        assert answer.returncode == 1
        assert f"{link} leads to {target}, which" in answer.stderr
        assert "cannot execute" in answer.stderr


def test_a_python_that_is_gone_is_replaced(project: Project) -> None:
    link = project.root / ".venv" / "bin" / "python"
    link.parent.mkdir(parents=True)
    link.symlink_to(project.root / "gone")
    project.run("serve")
    assert project.calls() == ["venv"]
