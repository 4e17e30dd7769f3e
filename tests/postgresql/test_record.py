"""P26-P28: the record on a PostgreSQL that several processes share."""

import re
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from accounts.database import objects as database_objects
from accounts.database.connection import in_one_line
from accounts.database.refusal import APPEND_ONLY
from portal import database_url
from tests.postgresql.conftest import Database, copy_of_template, ended, run
from tests.postgresql.server import Server
from tests.served import ROOT

WRITE_IN_TWO_THREADS = """
import threading
from accounts import record
from accounts.models import Action, Outcome
failures = []
def write():
    try:
        for _ in range(25):
            act = record.Act(action=Action.LAUNCH, actor="ann", actor_key="k")
            record.open_act(act, record.RateLimit(10_000))
            record.close_act(act, Outcome.SUCCEEDED)
    except Exception as failure:
        failures.append(failure)
threads = [threading.Thread(target=write) for _ in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failures, failures
"""
WRITE_ONE = """
from accounts import record
from accounts.models import Action, Outcome
record.write(record.Act(action=Action.SIGN_IN, actor="ann"), Outcome.SUCCEEDED)
"""
OPEN_AND_DIE = """
import os, signal
from accounts import record
from accounts.models import Action
record.open_act(record.Act(action=Action.LAUNCH, actor="ann", actor_key="k"))
os.kill(os.getpid(), signal.SIGKILL)
"""
WRITE_TOO_LONG_AND_ODD = """
from accounts import record
from accounts.models import Action, Outcome, Entry
odd = "\\0" * 3000
fields = [f for f in record.Act.__dataclass_fields__
          if f not in {"action", "act_id", "time", "details", "duration_seconds", "expires"}]
act = record.Act(action=Action.LAUNCH, details={odd: odd}, **{name: odd for name in fields})
record.open_act(act)
record.close_act(act, Outcome.FAILED, odd)
assert Entry.objects.get(id=1).actor.startswith("\\\\u0000")
"""


def verified(database: Database) -> str:
    return database.manage("audit", "verify").stdout


def test_P27_eight_writers_in_four_processes_and_an_apply_leave_a_whole_chain(
    database: Database,
) -> None:
    writers = [database.shell(WRITE_IN_TWO_THREADS) for _ in range(4)]
    applied = database.manage("access", "apply", str(ROOT / "demo" / "organisation.yaml"))
    while any(writer.poll() is None for writer in writers):
        assert verified(database).startswith("ok  ")
    ended(*writers)
    assert applied.returncode == 0, applied.stderr
    assert verified(database).startswith("ok  401 entries, head ")


def test_P27_the_very_first_row_may_be_written_by_several_at_once(database: Database) -> None:
    with database.server.connect(database.name) as gate, gate.transaction():
        # Whoever asks finds no head, and then waits for this with making one.
        gate.execute("LOCK TABLE accounts_recordhead IN SHARE ROW EXCLUSIVE MODE")
        writers = [database.shell(WRITE_ONE) for _ in range(3)]
        until(lambda: len(waiting_for_a_lock(database)) == 3)
    ended(*writers)
    assert verified(database).startswith("ok  3 entries, head ")


def waiting_for_a_lock(database: Database) -> list[tuple[object, ...]]:
    return database.query(
        "SELECT pid FROM pg_stat_activity "
        f"WHERE datname = '{database.name}' AND wait_event_type = 'Lock'"
    )


def until(happens: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def test_P28_a_writer_killed_in_mid_act_leaves_the_act_started(database: Database) -> None:
    killed = database.shell(OPEN_AND_DIE)
    killed.communicate()
    assert killed.returncode == -9
    assert database.query("SELECT phase, outcome FROM accounts_entry") == [("opened", "started")]
    assert verified(database).startswith("ok  1 entries")


def test_P28_a_row_that_was_written_outlives_the_servers_crash(own_server: Server) -> None:
    database = copy_of_template(own_server)
    ended(database.shell(WRITE_ONE))
    own_server.kill()
    own_server.start()
    assert verified(database).startswith("ok  1 entries")


def test_P29_no_text_is_too_long_or_too_odd_for_its_row(database: Database) -> None:
    ended(database.shell(WRITE_TOO_LONG_AND_ODD))
    assert verified(database).startswith("ok  2 entries")


def test_P26_a_read_only_database_takes_no_act(database: Database) -> None:
    database.query(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    refused = database.shell(WRITE_ONE)
    _, said = refused.communicate()
    assert refused.returncode != 0
    assert b"RecordUnavailable: the record cannot be written: " in said


def test_two_applies_at_once_are_one_after_the_other(database: Database) -> None:
    file = str(ROOT / "demo" / "organisation.yaml")
    with database.server.connect(database.name) as gate, gate.transaction():
        gate.execute("LOCK TABLE accounts_account IN SHARE ROW EXCLUSIVE MODE")
        script = (
            f"from django.core.management import call_command as c; c('access','apply','{file}')"
        )
        applies = [database.shell(script) for _ in range(2)]
        until(lambda: len(waiting_for_a_lock(database)) == 2)
    outcomes = sorted((process.communicate()[1], process.returncode) for process in applies)
    assert outcomes[0] == (b"", 0)
    assert b"changed while the plan was made; nothing was applied" in outcomes[1][0]
    assert verified(database).startswith("ok  1 entries")


# --- what must stand beside the tables -------------------------------------------------------


@contextmanager
def connected(url: str) -> Iterator[BaseDatabaseWrapper]:
    handler = ConnectionHandler({"default": database_url.parse(url, ROOT).django_settings()})
    try:
        yield handler["default"]
    finally:
        handler["default"].close()


WAYS_TO_DISARM = {
    "disabled": (
        """
        ALTER TABLE accounts_entry DISABLE TRIGGER entry_no_delete
        """,
        "entry_no_delete",
    ),
    "all disabled": (
        """
        ALTER TABLE accounts_recordhead DISABLE TRIGGER ALL
        """,
        (
            "record_head_goes_on record_head_no_delete record_head_no_replace "
            "record_head_no_truncate"
        ),
    ),
    "silent on a replica": (
        """
        ALTER TABLE accounts_entry ENABLE TRIGGER entry_no_update
        """,
        "entry_no_update",
    ),
    "dropped": (
        """
        DROP TRIGGER entry_no_truncate ON accounts_entry
        """,
        "entry_no_truncate",
    ),
    "another function": (
        """
        CREATE OR REPLACE FUNCTION record_head_goes_on() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RETURN NEW; END'
        """,
        "record_head_goes_on",
    ),
    "a search path": (
        """
        ALTER FUNCTION record_refuses_change() SET search_path = evil
        """,
        (
            "entry_no_delete entry_no_truncate entry_no_update record_head_no_delete "
            "record_head_no_truncate"
        ),
    ),
    "a condition": (
        """
        CREATE OR REPLACE TRIGGER record_head_goes_on BEFORE UPDATE ON accounts_recordhead FOR
        EACH ROW WHEN (NEW.id = 7) EXECUTE FUNCTION record_head_goes_on()
        """,
        "record_head_goes_on",
    ),
    "only some columns": (
        """
        CREATE OR REPLACE TRIGGER entry_no_update BEFORE UPDATE OF reason ON accounts_entry FOR
        EACH ROW EXECUTE FUNCTION record_refuses_change()
        """,
        "entry_no_update",
    ),
    "each statement only": (
        """
        CREATE OR REPLACE TRIGGER entry_no_delete BEFORE DELETE ON accounts_entry FOR EACH
        STATEMENT EXECUTE FUNCTION record_refuses_change()
        """,
        "entry_no_delete",
    ),
    "another view": (
        """
        CREATE OR REPLACE VIEW accounts_grantedrole AS SELECT user_id, role_id, grant_id,
        account_id, account_alias, role_name FROM (SELECT u.id AS user_id, r.id AS role_id, g.id
        AS grant_id, r.account_id, 'x'::varchar(63) AS account_alias, r.name AS role_name FROM
        accounts_user u, accounts_role r, accounts_grant g) everything
        """,
        "accounts_grantedrole",
    ),
}


@pytest.mark.parametrize("way", WAYS_TO_DISARM)
def test_P27_whatever_disarms_the_database_is_found_and_mended(
    way: str, server: Server, django_db_blocker: pytest.FixtureRequest
) -> None:
    statement, names = WAYS_TO_DISARM[way]
    database = copy_of_template(server)
    database.query(statement)
    with django_db_blocker.unblock(), connected(database.url) as connection:  # type: ignore[attr-defined]
        assert database_objects.missing(connection) == names.split()
    assert database.manage("migrate", "-v", "0").returncode == 0
    with django_db_blocker.unblock(), connected(database.url) as connection:  # type: ignore[attr-defined]
        assert database_objects.missing(connection) == []


@pytest.mark.parametrize(
    "change", ["UPDATE above SET id = id", "DELETE FROM above", "TRUNCATE above"]
)
@pytest.mark.parametrize("table", ["accounts_entry", "accounts_recordhead"])
def test_P27_no_parent_table_leads_around_the_triggers(
    table: str, change: str, database: Database
) -> None:
    ended(database.shell(WRITE_ONE))
    database.query(
        f"CREATE TABLE above (id {'bigint' if table == 'accounts_entry' else 'smallint'} NOT NULL);"
        f"ALTER TABLE {table} INHERIT above"
    )
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match=APPEND_ONLY):
        database.query(change)
    assert verified(database).startswith("ok  1 entries")


FOREIGN = {
    "rule swallows on accounts_entry": (
        "CREATE RULE swallows AS ON INSERT TO accounts_entry DO INSTEAD NOTHING"
    ),
    "inheritance of accounts_entry from above": (
        "CREATE TABLE above (id bigint NOT NULL); ALTER TABLE accounts_entry INHERIT above"
    ),
    "inheritance of below from accounts_entry": "CREATE TABLE below () INHERITS (accounts_entry)",
    "row security on accounts_recordhead": (
        "ALTER TABLE accounts_recordhead ENABLE ROW LEVEL SECURITY"
    ),
    "trigger entry_no_delete on accounts_recordhead": (
        "CREATE TRIGGER entry_no_delete BEFORE INSERT ON accounts_recordhead FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_P26_what_others_hung_on_the_record_is_named_and_left_alone(
    name: str, database: Database, django_db_blocker: pytest.FixtureRequest
) -> None:
    database.query(FOREIGN[name])
    assert database.manage("migrate", "-v", "0").returncode == 0
    with django_db_blocker.unblock(), connected(database.url) as connection:  # type: ignore[attr-defined]
        assert database_objects.foreign(connection) == [name]
        assert database_objects.missing(connection) == []


# A hash, as a row of accounts_user holds it, and errors whose text PostgreSQL puts it in.
SECRET = "argon2$argon2id$secret"
ERRORS_WITH_VALUES = {
    "a row that fails": (
        "INSERT INTO accounts_user (password, username) VALUES (%s, 'dana')",
        "null value in column",
    ),
    "a row that is there": (
        (
            "INSERT INTO accounts_group (name, origin, from_file) "
            "VALUES (%s, '', false), (%s, '', true)"
        ),
        "duplicate key value violates unique constraint",
    ),
    "a value that is malformed": ("SELECT %s::text::integer", "InvalidTextRepresentation"),
    "a statement that is wrong": ("SELECT %s FROM nowhere", 'relation "nowhere" does not exist'),
}


@pytest.mark.parametrize("name", ERRORS_WITH_VALUES)
def test_P20_no_error_of_the_database_tells_a_rows_values(
    name: str, database: Database, django_db_blocker: pytest.FixtureRequest
) -> None:
    statement, said = ERRORS_WITH_VALUES[name]
    with (
        django_db_blocker.unblock(),  # type: ignore[attr-defined]
        connected(database.url) as connection,
        connection.cursor() as cursor,
        pytest.raises(DatabaseError) as raised,
    ):
        cursor.execute(statement, [SECRET] * statement.count("%s"))
    assert in_one_line(raised.value).startswith(said)
    assert SECRET not in "".join(traceback.format_exception(raised.value, chain=True))


def test_a_second_migration_touches_nothing_that_is_as_it_should_be(database: Database) -> None:
    """Otherwise a second server that starts would take the view from under the first."""
    oids = "SELECT oid FROM pg_trigger UNION SELECT oid FROM pg_class UNION SELECT oid FROM pg_proc"
    before = sorted(database.query(oids))
    assert database.manage("migrate", "-v", "0").returncode == 0
    assert sorted(database.query(oids)) == before


def test_three_servers_may_migrate_at_once(server: Server) -> None:
    url = server.create_database("empty")
    database = Database(server, "empty")
    script = "from django.core.management import call_command as c; c('migrate', verbosity=0)"
    ended(*(database.shell(script) for _ in range(3)))
    assert run(["manage.py", "check", "--database", "default"], DATABASE_URL=url).returncode == 0


def test_P27_a_role_with_the_least_rights_in_a_schema_of_its_own_serves_and_cannot_disarm(
    server: Server,
) -> None:
    url = server.create_database("schemas")
    database = Database(server, "schemas")
    database.query("CREATE SCHEMA gate")
    search_path = "options=-csearch_path%3Dgate"
    migrated = run(["manage.py", "migrate", "-v", "0"], DATABASE_URL=f"{url}?{search_path}")
    assert migrated.returncode == 0, migrated.stderr
    password = re.sub("'", "''", "the p@ss/word of the te%sts")
    database.query(
        f"CREATE ROLE clerk LOGIN PASSWORD '{password}'; GRANT USAGE ON SCHEMA gate TO clerk;"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gate TO clerk;"
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA gate TO clerk;"
        "REVOKE UPDATE, DELETE ON gate.accounts_entry FROM clerk;"
        "REVOKE DELETE ON gate.accounts_recordhead FROM clerk;"
    )
    clerk = Database(server, "schemas")
    clerk_url = server.url("schemas", user="clerk", query=search_path)
    for words in (
        ["manage.py", "shell", "-v", "0", "-c", WRITE_ONE],
        ["manage.py", "check", "--database", "default", "--fail-level", "WARNING"],
        ["manage.py", "audit", "verify"],
    ):
        done = run(words, DATABASE_URL=clerk_url)
        assert done.returncode == 0, done.stderr
    disarm = "from django.db import connection as c; "
    disarm += "c.cursor().execute('ALTER TABLE accounts_entry DISABLE TRIGGER ALL')"
    assert (
        "must be owner" in run(["manage.py", "shell", "-c", disarm], DATABASE_URL=clerk_url).stderr
    )
    assert clerk.query("SELECT count(*) FROM gate.accounts_entry") == [(1,)]


COUNT_TRIES = """
import threading
from portal.signin import throttle
from portal.signin.throttle import Attempt, SignInThrottle
failures = []
def try_in_vain(number):
    try:
        for turn in range(8):
            name = "ann" if (number + turn) % 2 else "bob"
            throttle.admit(Attempt(name, f"192.0.2.{number % 2}"))
            throttle.forgive(Attempt(name, f"192.0.2.{number % 2}"))
    except throttle.Throttled:
        pass
    except Exception as failure:
        failures.append(failure)
threads = [threading.Thread(target=try_in_vain, args=[n]) for n in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failures, failures
"""


def test_P6_many_tries_at_once_count_each_other_and_never_lock_each_other_up(
    database: Database,
) -> None:
    ended(*(database.shell(COUNT_TRIES) for _ in range(2)))
