"""P20, P23: what the directory is asked with appears nowhere, whatever happens and at DEBUG."""

from pathlib import Path

from tests.directory.conftest import Besieged
from tests.directory.house import House, Person
from tests.directory.slapd import SERVICE_PASSWORD, Slapd
from tests.directory.visiting import launched

WRONG = "a-wrong-password-that-is-a-secret-too"


def test_P20_no_password_appears_in_log_record_database_pages_or_process_list(
    besieged: Besieged, slapd: Slapd
) -> None:
    portal = besieged.house
    try:
        pages = everything_happens(portal, slapd)
        commands = told_on_the_command_line()
    finally:
        slapd.recover()
    folder = portal.served.log.parent
    outputs = {
        "pages": pages,
        "the log": portal.served.log.read_text(encoding="utf-8"),
        "command lines": commands,
        **{file.name: text_of(file) for file in folder.glob("portal.sqlite3*")},
    }
    assert "directory server" in outputs["the log"], "it is the log of these events"
    secrets = {SERVICE_PASSWORD, WRONG, *(person.password for person in portal.invited)}
    found = {
        (secret, where) for where, text in outputs.items() for secret in secrets if secret in text
    }
    assert found == set()


def everything_happens(portal: House, slapd: Slapd) -> str:
    """Sign in and out, fail in each way, change, sync, forget, go away; return all pages."""
    person, leaver = portal.invite(), portal.invite("bob")
    visitor, leaving = portal.sign_in(person), portal.sign_in(leaver)
    told: list[str] = []
    answers = [visitor.go(), portal.visitor().try_in(person.name, WRONG)]
    assert launched(answers[0])
    # Who types a password into the wrong field tells it to nobody either.
    answers.append(portal.visitor().try_in(WRONG, WRONG))
    new = portal.replace(leaver)
    answers += [leaving.go(), portal.visitor().try_in(new.name, new.password)]
    for words in (["sync"], ["sync", "--yes"], ["forget", new.name]):
        answer = portal.served.manage("directory", *words)
        told.append(answer.stdout + answer.stderr)
    portal.branch.set_password(person.name, changed := f"{person.password}-changed")
    portal.invited.append(Person(person.name, changed))
    answers.append(portal.visitor().try_in(person.name, changed))
    slapd.stop()
    answers += [
        visitor.go(),
        portal.visitor().try_in(person.name, changed),
        visitor.get("/history/"),
    ]
    told += [answer.text for answer in answers]
    # The form that is shown again holds the name that was typed, on purpose.
    return "\n".join(told).replace(f'value="{WRONG}"', "")


def told_on_the_command_line() -> str:
    """Return the command lines of all processes."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(lines)


def text_of(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")
