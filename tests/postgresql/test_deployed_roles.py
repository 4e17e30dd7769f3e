"""The roles of deploy/postgresql.sql: the portal works as one, and the record is safe from it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.postgresql.conftest import run
from tests.postgresql.server import PASSWORD, Server, find_program
from tests.served import ROOT

OWNER_PASSWORD = "the-word-of-the-owner's"
PORTAL_PASSWORD = "the-word-of-the-portal's"


def address(server: Server, role: str) -> str:
    password = {"sekisho_owner": OWNER_PASSWORD, "sekisho": PORTAL_PASSWORD}[role]
    return f"postgresql://{role}:{password}@127.0.0.1:{server.port}/sekisho"


@pytest.fixture(scope="module")
def deployed() -> Iterator[Server]:
    """A server whose administrator has run the script, and whose owner has migrated."""
    folder = Path(tempfile.mkdtemp(prefix="sekisho-deployed-"))
    server = Server(folder, ("fsync=off",), user="postgres")
    try:
        server.make()
        server.start()
        made = subprocess.run(
            [find_program("psql"), "--quiet", "--host=127.0.0.1", f"--port={server.port}"],
            env={
                "PATH": os.environ["PATH"],
                "PGUSER": "postgres",
                "PGPASSWORD": PASSWORD,
                "OWNER_PASSWORD": OWNER_PASSWORD,
                "PORTAL_PASSWORD": PORTAL_PASSWORD,
            },
            input=(ROOT / "deploy/postgresql.sql").read_text(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (made.returncode, made.stderr) == (0, "")
        migrated = run(["manage.py", "migrate"], DATABASE_URL=address(server, "sekisho_owner"))
        assert migrated.returncode == 0, migrated.stderr
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_the_portal_works_as_its_own_role(deployed: Server) -> None:
    portal = address(deployed, "sekisho")
    applied = run(["manage.py", "access", "apply", "demo/organisation.yaml"], DATABASE_URL=portal)
    assert applied.returncode == 0, applied.stderr
    verified = run(["manage.py", "audit", "verify"], DATABASE_URL=portal)
    assert verified.stdout.startswith("ok  1 entries")
    checked = run(["manage.py", "check", "--database", "default"], DATABASE_URL=portal)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE accounts_entry DISABLE TRIGGER ALL",
        "DROP TRIGGER entry_no_delete ON accounts_entry",
        "DROP FUNCTION record_refuses_change CASCADE",
        "TRUNCATE accounts_entry",
        "DROP TABLE accounts_entry",
        "SET session_replication_role = replica",
        "CREATE TABLE another (id integer)",
        "CREATE TEMPORARY TABLE accounts_entry (id integer)",
        "DELETE FROM django_migrations",
        "UPDATE django_migrations SET name = name",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('accounts', '9999', now())",
    ],
)
def test_P27_the_portals_role_cannot_take_the_records_guards_off(
    deployed: Server, statement: str
) -> None:
    with (
        psycopg.connect(address(deployed, "sekisho")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_nobody_else_may_look_into_the_database(deployed: Server) -> None:
    with deployed.connect() as administrator:
        administrator.execute(f"CREATE ROLE stranger LOGIN PASSWORD '{PASSWORD}'")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(deployed.url("sekisho", user="stranger"))


@pytest.mark.parametrize("words", [["migrate"], ["createsuperuser", "--noinput"]])
def test_what_only_the_owner_can_prepare_is_one_line_for_the_portals_role(
    deployed: Server, words: list[str]
) -> None:
    empty = address(deployed, "sekisho").removesuffix("/sekisho") + "/postgres"
    refused = run(
        ["manage.py", *words],
        DATABASE_URL=empty,
        DJANGO_SUPERUSER_USERNAME="portal-admin",
        DJANGO_SUPERUSER_PASSWORD="the-word-of-an-administrator",
    )
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert "as the role that owns it: docs/operations.md, step 5" in line
