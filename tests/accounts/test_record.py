"""P26-P29: the record stands before the act, refuses change, and tells every change made to it."""

import hashlib
import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.checks import run_checks
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts import record
from accounts.database import objects as database_objects
from accounts.database.refusal import APPEND_ONLY
from accounts.errors import RecordUnavailable, TooMany
from accounts.models import Action, Entry, Outcome, Phase, RecordHead
from accounts.record import Act, RateLimit
from portal import health
from tests.record_objects import (
    IS_POSTGRESQL,
    disarm_trigger,
    drop_trigger,
    drop_triggers,
    execute,
)

pytestmark = pytest.mark.django_db


def launch(actor: str = "ann", **facts: object) -> Act:
    return Act(action=Action.LAUNCH, actor=actor, actor_key=f"key of {actor}", **facts)  # type: ignore[arg-type]


def write_rows(count: int) -> None:
    for number in range(count):
        record.write(launch(reason=f"reason {number}"), Outcome.SUCCEEDED)


def without_triggers(*statements: str) -> None:
    """What somebody does who holds the database file: no trigger stands in their way."""
    drop_triggers()
    for statement in statements:
        execute(statement)
    database_objects.install("default")


def test_an_act_that_calls_aws_is_an_opened_row_and_a_closed_row_that_says_all() -> None:
    act = launch(account="222222222222", role="Developer")
    record.open_act(act)
    record.close_act(act, Outcome.FAILED, "AccessDenied")

    opened, closed = Entry.objects.order_by("id")
    assert (opened.phase, opened.outcome) == (Phase.OPENED, Outcome.STARTED)
    assert (closed.phase, closed.outcome, closed.error) == (
        Phase.CLOSED,
        Outcome.FAILED,
        "AccessDenied",
    )
    assert opened.act_id == closed.act_id
    assert opened.time == closed.time <= opened.written <= closed.written
    assert closed.account == "222222222222"
    assert closed.role == "Developer"


def test_each_row_costs_three_statements() -> None:
    write_rows(1)
    with CaptureQueriesContext(connection) as queries:
        record.open_act(launch(), RateLimit(5))
    statements = [q["sql"].split()[0] for q in queries if "SAVEPOINT" not in q["sql"]]
    assert statements == ["SELECT", "INSERT", "UPDATE"]


def test_P27_many_acts_are_a_row_each_of_one_chain_for_a_few_statements() -> None:
    write_rows(2)
    many = [launch(reason=f"one of many, {number}") for number in range(1100)]
    with CaptureQueriesContext(connection) as asked:
        record.write_all(many, Outcome.SUCCEEDED)
    record.write(launch(reason="afterwards"), Outcome.SUCCEEDED)
    assert record.verify().count == 2 + 1100 + 1
    reasons = Entry.objects.filter(id__gt=2).order_by("id").values_list("reason", flat=True)
    assert list(reasons) == [*(act.reason for act in many), "afterwards"]
    assert len(asked) < 100


def test_P27_a_whole_chain_verifies_and_names_its_head() -> None:
    write_rows(3)
    last = Entry.objects.get(id=3)
    assert record.verify() == record.Verdict(count=3, head=last.hash)


def test_P27_an_empty_record_verifies() -> None:
    assert record.verify() == record.Verdict(count=0, head="")


HEAD_SET_BACK = (
    "UPDATE accounts_recordhead SET (count, hash) = "
    "(SELECT id, hash FROM accounts_entry WHERE id=4)"
)
ALTERATIONS: dict[str, tuple[list[str], int, str]] = {
    "a text": (["UPDATE accounts_entry SET reason='other' WHERE id=3"], 3, "altered"),
    "an outcome": (["UPDATE accounts_entry SET outcome='denied' WHERE id=2"], 2, "altered"),
    "whose it was": (["UPDATE accounts_entry SET actor_key='x' WHERE id=4"], 4, "altered"),
    "a hash": (["UPDATE accounts_entry SET hash='0' WHERE id=1"], 1, "altered"),
    "the first row gone": (["DELETE FROM accounts_entry WHERE id=1"], 1, "missing"),
    "a row gone": (["DELETE FROM accounts_entry WHERE id=3"], 3, "missing"),
    "two rows gone": (["DELETE FROM accounts_entry WHERE id IN (3,4)"], 3, "missing"),
    "the tail cut": (["DELETE FROM accounts_entry WHERE id>=5"], 5, "missing"),
    "all rows gone": (["DELETE FROM accounts_entry"], 1, "missing"),
    "the tail cut and the head set back": (
        [
            "DELETE FROM accounts_entry WHERE id>4",
            HEAD_SET_BACK,
        ],
        5,
        "missing",
    ),
    "the tail cut and the head gone": (
        ["DELETE FROM accounts_entry WHERE id>4", "DELETE FROM accounts_recordhead"],
        5,
        "missing",
    ),
    "a row gone and the gap closed": (
        [
            "DELETE FROM accounts_entry WHERE id=3",
            "UPDATE accounts_entry SET id=id-1 WHERE id>3",
        ],
        3,
        "missing",
    ),
    "two rows in each other's place": (
        [
            "UPDATE accounts_entry SET id=-1 WHERE id=3",
            "UPDATE accounts_entry SET id=3 WHERE id=4",
            "UPDATE accounts_entry SET id=4 WHERE id=-1",
        ],
        3,
        "reordered",
    ),
    "a row made up": (
        [
            (
                "INSERT INTO accounts_entry SELECT 7,'made up',phase,time,written,actor,actor_key,"
                'action,account,role,method,source,"grant",session_name,source_identity,'
                "access_key_id,region,destination,duration_seconds,expires,reason,ip,user_agent,"
                "request_id,outcome,error,details,hash,key_id,'0' FROM accounts_entry WHERE id=6"
            )
        ],
        7,
        "altered",
    ),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_P27_whatever_is_done_to_the_rows_is_named(name: str) -> None:
    statements, number, how = ALTERATIONS[name]
    write_rows(6)
    without_triggers(*statements)
    verdict = record.verify()
    assert (verdict.broken_at, verdict.how) == (number, how)


@pytest.mark.parametrize(
    "name", ["the tail cut and the head set back", "the tail cut and the head gone"]
)
def test_P27_the_next_row_does_not_heal_a_record_that_was_cut(name: str) -> None:
    write_rows(6)
    without_triggers(*ALTERATIONS[name][0])
    with pytest.raises(RecordUnavailable):
        record.write(launch(), Outcome.SUCCEEDED)
    assert record.verify().how == "missing"


def test_P27_a_row_that_is_written_while_the_chain_is_read_is_not_called_missing() -> None:
    """Whenever the head has been looked at, somebody writes one more."""
    write_rows(2)
    looks: list[str] = []

    def write_after_a_look(execute: Callable[..., object], sql: str, *rest: object) -> object:
        result = execute(sql, *rest)
        if sql.startswith("SELECT") and "accounts_recordhead" in sql and not looks:
            looks.append(sql)
            write_rows(1)
        return result

    with connection.execute_wrapper(write_after_a_look):
        verdict = record.verify()
    assert looks
    assert verdict.broken_at is None
    assert verdict.count == 2


def test_P27_without_the_key_nobody_makes_a_chain_that_verifies(
    settings: LazySettings,
) -> None:
    settings.PORTAL_RECORD_KEY = ["a key that somebody made up, 32 characters"]
    write_rows(2)
    made_up = record._key_id(settings.PORTAL_RECORD_KEY[0])
    settings.PORTAL_RECORD_KEY = ["the key that the portal has, 32 characters"]
    assert record.verify() == record.Verdict(broken_at=1, how="unknown key", key_id=made_up)


def test_keys_rotate_the_first_writes_and_all_verify(settings: LazySettings) -> None:
    old, new = "old " * 8, "new " * 8
    settings.PORTAL_RECORD_KEY = [old]
    write_rows(2)
    settings.PORTAL_RECORD_KEY = [new, old]
    write_rows(2)
    assert record.verify().count == 4
    assert len(set(Entry.objects.values_list("key_id", flat=True))) == 2
    settings.PORTAL_RECORD_KEY = [new]
    assert record.verify().how == "unknown key"


PLAIN_SQL = (
    "UPDATE accounts_entry SET reason='x'",
    "DELETE FROM accounts_entry",
    "DELETE FROM accounts_entry WHERE id=1",
    "DELETE FROM accounts_recordhead",
    "UPDATE accounts_recordhead SET count = count - 1",
    "UPDATE accounts_recordhead SET count = count + 1",
    "UPDATE accounts_recordhead SET hash = ''",
)
SQLITES_OWN = (
    "INSERT OR REPLACE INTO accounts_entry SELECT * FROM accounts_entry WHERE id=1",
    "REPLACE INTO accounts_entry SELECT * FROM accounts_entry WHERE id=2",
    "UPDATE OR REPLACE accounts_entry SET id=2 WHERE id=1",
    "INSERT OR REPLACE INTO accounts_recordhead SELECT * FROM accounts_recordhead",
)
POSTGRESQLS_OWN = (
    "TRUNCATE accounts_entry",
    "TRUNCATE accounts_entry, accounts_recordhead",
    "TRUNCATE accounts_recordhead CASCADE",
    (
        "INSERT INTO accounts_entry SELECT * FROM accounts_entry WHERE id=1 "
        "ON CONFLICT (id) DO UPDATE SET reason='x'"
    ),
    (
        "INSERT INTO accounts_recordhead SELECT * FROM accounts_recordhead "
        "ON CONFLICT (id) DO UPDATE SET count = accounts_recordhead.count + 1"
    ),
    "INSERT INTO accounts_recordhead SELECT 2, count, hash, key_id, mac FROM accounts_recordhead",
    (
        "MERGE INTO accounts_entry e USING accounts_recordhead h ON e.id = h.count "
        "WHEN MATCHED THEN DELETE"
    ),
    "WITH gone AS (DELETE FROM accounts_entry RETURNING 1) SELECT count(*) FROM gone",
    "SET LOCAL session_replication_role = replica; UPDATE accounts_entry SET reason='x'",
)


@pytest.mark.parametrize(
    "statement", [*PLAIN_SQL, *(POSTGRESQLS_OWN if IS_POSTGRESQL else SQLITES_OWN)]
)
def test_P27_plain_sql_is_refused(statement: str) -> None:
    write_rows(2)
    with (
        pytest.raises(DatabaseError, match=APPEND_ONLY),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert record.verify().count == 2


ORM_WAYS: dict[str, Callable[[], object]] = {
    "save": lambda: Entry.objects.get(id=1).save(),
    "update": lambda: Entry.objects.update(reason="x"),
    "delete": lambda: Entry.objects.get(id=1).delete(),
    "delete all": lambda: Entry.objects.all().delete(),
    "bulk update": lambda: Entry.objects.bulk_update([Entry(id=1, reason="x")], ["reason"]),
    "renumber": lambda: Entry.objects.update(id=F("id") + 10),
}


@pytest.mark.parametrize("way", ORM_WAYS)
def test_P27_the_orm_is_refused(way: str) -> None:
    write_rows(2)
    with pytest.raises(DatabaseError, match=APPEND_ONLY), transaction.atomic():
        ORM_WAYS[way]()
    assert record.verify().count == 2


# What makes the database take a statement, do nothing, and report success.
SWALLOWERS = {
    "trigger": ["CREATE TRIGGER swallows BEFORE {event} ON {table} BEGIN SELECT RAISE(IGNORE); END"]
}
if IS_POSTGRESQL:
    SWALLOWERS = {
        "trigger": [
            (
                "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql "
                "AS 'BEGIN RETURN NULL; END'"
            ),
            (
                "CREATE TRIGGER swallows BEFORE {event} ON {table} FOR EACH ROW "
                "EXECUTE FUNCTION swallow()"
            ),
        ],
        "rule": ["CREATE RULE swallows AS ON {event} TO {table} DO INSTEAD NOTHING"],
        "rule that diverts": [
            "CREATE TABLE elsewhere (id integer)",
            "INSERT INTO elsewhere VALUES (0)",
            (
                "CREATE RULE swallows AS ON INSERT TO {table} DO INSTEAD "
                "INSERT INTO elsewhere VALUES (1)"
            ),
            (
                "CREATE RULE swallows_too AS ON UPDATE TO {table} DO INSTEAD "
                "UPDATE elsewhere SET id = id WHERE false"
            ),
        ],
    }


@pytest.mark.parametrize("way", SWALLOWERS)
@pytest.mark.parametrize(
    ("event", "table"), [("INSERT", "accounts_entry"), ("UPDATE", "accounts_recordhead")]
)
def test_P26_an_act_whose_row_the_database_swallows_is_refused(
    way: str, event: str, table: str
) -> None:
    write_rows(1)
    for statement in SWALLOWERS[way]:
        execute(statement.format(event=event, table=table))
    for write in (record.open_act, lambda act: record.close_act(act, Outcome.SUCCEEDED)):
        with pytest.raises(RecordUnavailable, match="did not keep row 2"):
            write(launch())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM accounts_entry), count FROM accounts_recordhead"
        )
        assert cursor.fetchall() == [(1, 1)]


def test_P26_of_many_acts_none_is_kept_where_the_database_swallows_one() -> None:
    write_rows(1)
    *function, trigger = SWALLOWERS["trigger"]
    one = "WHEN (NEW.reason = 'the third')"
    before = "EXECUTE FUNCTION" if IS_POSTGRESQL else "BEGIN SELECT"
    for statement in (*function, trigger.replace(before, f"{one} {before}")):
        execute(statement.format(event="INSERT", table="accounts_entry"))
    many = [launch(reason=reason) for reason in ("the first", "the second", "the third", "last")]
    with pytest.raises(RecordUnavailable, match="did not keep row"):
        record.write_all(many, Outcome.SUCCEEDED)
    assert (Entry.objects.count(), record.verify().count) == (1, 1)


@pytest.mark.parametrize("table", ["accounts_entry", "accounts_recordhead"])
def test_P26_a_record_whose_very_first_row_is_swallowed_does_not_begin(table: str) -> None:
    for statement in SWALLOWERS["trigger"]:
        execute(statement.format(event="INSERT", table=table))
    with pytest.raises(RecordUnavailable, match="did not keep row 1"):
        record.open_act(launch())


@pytest.mark.parametrize("table", ["accounts_entry", "accounts_recordhead"])
def test_P26_what_swallows_rows_is_named(table: str) -> None:
    for statement in SWALLOWERS["trigger"]:
        execute(statement.format(event="INSERT", table=table))
    assert database_objects.foreign(connection) == [f"trigger swallows on {table}"]
    assert database_objects.missing(connection) == []
    assert f"trigger swallows on {table}" in health.not_ready()
    (told,) = run_checks(databases=["default"])
    assert f"trigger swallows on {table}" in told.msg


def test_a_person_opens_no_more_acts_in_a_minute_than_allowed() -> None:
    limit = RateLimit(count=2)
    record.open_act(launch(), limit)
    record.open_act(launch(), limit)
    with pytest.raises(TooMany) as refused:
        record.open_act(launch(), limit)
    assert refused.value.retry_after == 60
    record.open_act(launch("bob"), limit)
    assert Entry.objects.count() == 3


def test_one_persons_refusals_do_not_flood_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MOST_REFUSALS_A_MINUTE", 3)
    for _ in range(9):
        record.write_refusal(launch(), Outcome.DENIED, "NotGranted")
    record.write_refusal(launch("bob"), Outcome.FAILED, "NotGranted")
    errors = list(Entry.objects.order_by("id").values_list("actor", "error"))
    assert errors == [
        *[("ann", "NotGranted")] * 3,
        ("ann", record.TOO_MANY_REFUSALS),
        ("bob", "NotGranted"),
    ]


def test_what_succeeded_hides_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MOST_REFUSALS_A_MINUTE", 3)
    write_rows(5)
    for code in ("NotGranted", "Auditor"):
        record.write_refusal(launch(), Outcome.DENIED, code)
    refused = Entry.objects.filter(outcome=Outcome.DENIED).order_by("id")
    assert list(refused.values_list("error", flat=True)) == ["NotGranted", "Auditor"]


def test_P30_what_is_looked_at_hides_no_try_to_change_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(record, "MOST_REFUSALS_A_MINUTE", 2)
    for method in ("GET", "HEAD", "OPTIONS", "GET", "POST", "PUT", "DELETE", "POST"):
        act = launch(details={"method": method, "path": '"method": "GET"'})
        record.write_refusal(act, Outcome.DENIED, "NotAllowed")
    record.write_refusal(launch(), Outcome.DENIED, "NotGranted")
    rows = Entry.objects.order_by("id").values_list("details", "error")
    assert [(json.loads(details)["method"], error) for details, error in rows] == [
        ("GET", "NotAllowed"),
        ("HEAD", "NotAllowed"),
        ("OPTIONS", record.TOO_MANY_REFUSALS),
        ("POST", "NotAllowed"),
        ("PUT", "NotAllowed"),
        ("DELETE", record.TOO_MANY_REFUSALS),
    ]


def test_the_record_hears_of_a_flood_once_a_minute() -> None:
    for _ in range(5):
        record.write_once_a_minute(launch(), Outcome.DENIED, "TooMany")
    assert Entry.objects.count() == 1


@given(st.text())
def test_P29_what_is_kept_breaks_no_line_and_turns_no_text(text: str) -> None:
    kept = record.as_kept(text)
    assert len(kept.splitlines()) <= 1
    assert not {unicodedata.category(c) for c in kept} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not set(kept) & set("\x1b\u202e\u2066\u200f\x00\x7f")
    assert len(kept) <= record.LONGEST_TEXT


PIECES = st.sampled_from(["\u200b", r"\u200b", "\n", r"\u000a", "\\", r"\u005c", "u200b", "a"])
TEXTS = st.lists(PIECES, max_size=2).map("".join)


@given(TEXTS, TEXTS)
def test_P30_two_texts_are_never_kept_as_one(text: str, other: str) -> None:
    assert (record.as_kept(text) == record.as_kept(other)) == (text == other)


@given(st.text() | TEXTS)
def test_what_is_neutral_already_stays_as_it_is(text: str) -> None:
    once = record.neutral(text)
    assert record.neutral(once) == once


def test_P29_terminal_escapes_and_line_breaks_are_told_as_text() -> None:
    record.write(launch(reason="one\n2026 two \x1b[31mred\u202e"), Outcome.SUCCEEDED)
    assert Entry.objects.get().reason == r"one\u000a2026 two \u001b[31mred\u202e"


def test_P29_details_are_as_harmless_as_the_rest_however_deep() -> None:
    details = {"a\x1b": ["b\u202e", {"c": "d\n"}], "n": 3, "t": True, "none": None}
    record.write(launch(details=details), Outcome.SUCCEEDED)
    kept = json.loads(Entry.objects.get().details)
    assert kept == {
        r"a\u001b": [r"b\u202e", {"c": r"d\u000a"}], "n": 3, "t": True, "none": None
    }  # fmt: skip


def kept_details(details: object) -> Any:
    record.write(launch(details=details), Outcome.SUCCEEDED)
    return json.loads(Entry.objects.latest("id").details)


@pytest.mark.parametrize("filler", ["a" * 2100, "\u00ad" * 400, "\ud800" * 400])
def test_P30_a_detail_that_is_cut_is_told_apart_from_what_it_was(filler: str) -> None:
    texts = (filler + end for end in ("Deny", "Allow"))
    before, after = (kept_details({"policy": text})["policy"] for text in texts)
    assert before != after
    assert len(before) == len(after) == record.LONGEST_TEXT
    whole = hashlib.sha256((filler + "Allow").encode(errors="surrogatepass")).hexdigest()
    assert after.endswith(f"… [{len(filler) + 5} characters, SHA-256 {whole}]")


def test_a_detail_that_fits_is_kept_whole() -> None:
    text = "a" * record.LONGEST_TEXT
    assert kept_details({"note": text}) == {"note": text}


@pytest.mark.parametrize("deep", [
    lambda end: {"after": {"tags": {**{f"k{n}": "v" for n in range(20_000)}, "end": end}}},
    lambda end: {"after": {**{f"k{n}": "v" for n in range(20_000)}, "end": end}},
    lambda end: {**{f"k{n}": "v" for n in range(20_000)}, "end": end},
    lambda end: {"after": [*range(40_000), end]},
])  # fmt: skip
def test_a_row_stays_small_and_still_tells_one_thing_from_the_other(
    deep: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "LONGEST_DETAILS", 65_536)
    named = {"change": "change", "kind": "account", "name": "Payments"}
    one, other = (kept_details({**named, **deep(end)}) for end in "ab")  # type: ignore[dict-item]
    assert one != other
    assert max(len(entry.details) for entry in Entry.objects.all()) <= record.LONGEST_DETAILS
    assert record.verify().broken_at is None
    if "after" in one:
        assert {key: one[key] for key in named} == named


def test_of_very_many_changes_the_first_are_kept_whole() -> None:
    changes = [{"change": f"~ role {n}", "before": {"note": "x" * 900}} for n in range(600)]
    kept = kept_details({"changes": changes, "changes_left_out": 0})
    assert len(Entry.objects.get().details) <= record.LONGEST_DETAILS
    first = len(kept["changes"]) - 1
    assert first > 250
    assert kept["changes"][:first] == changes[:first]
    assert kept["changes"][first].startswith(f"… [{600 - first} more, SHA-256 ")


def test_an_unknown_name_is_kept_as_a_keyed_hash() -> None:
    hashed = record.unknown_name("my password")
    assert hashed.startswith("unknown:")
    assert "password" not in hashed
    assert hashed == record.unknown_name("my password") != record.unknown_name("my passwore")


def test_a_missing_trigger_is_found() -> None:
    drop_trigger("entry_no_update")
    assert database_objects.missing(connection) == ["entry_no_update"]


def test_a_trigger_that_does_nothing_is_found_and_laid_anew() -> None:
    disarm_trigger("entry_no_update")
    assert database_objects.missing(connection) == ["entry_no_update"]
    database_objects.install("default")
    assert database_objects.missing(connection) == []


def test_another_view_of_the_same_name_is_found_and_laid_anew() -> None:
    execute("DROP VIEW accounts_grantedrole")
    execute("CREATE VIEW accounts_grantedrole AS SELECT 1 AS user_id")
    assert database_objects.missing(connection) == ["accounts_grantedrole"]
    database_objects.install("default")
    assert database_objects.missing(connection) == []


def test_the_head_is_one_row() -> None:
    write_rows(3)
    assert RecordHead.objects.count() == 1
