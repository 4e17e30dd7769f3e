"""The record: open an act, close it, write one that needs no closing, verify the chain.

Each row's hash is an HMAC over the previous row's hash and the row's canonical form, keyed by
``PORTAL_RECORD_KEY``; one head row orders the writers and carries an HMAC of its own over count
and hash. No transaction or lock is held between an act's two rows.
"""

import functools
import hashlib
import hmac
import json
import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import Error, IntegrityError, transaction
from django.db.models import Count, Exists, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.database import connection as database_connection
from accounts.errors import PortalError, RecordUnavailable, TooMany, gettext_noop
from accounts.models import Action, Entry, Outcome, Phase, RecordHead, Role
from accounts.record_queue import one_writer_at_a_time

COMMAND_LINE = "command line"
LONGEST_TYPED = 100
LONGEST_REASON = 500
LONGEST_TEXT = 2048
LONGEST_DETAILS = 524_288
MOST_REFUSALS_A_MINUTE = 120
TOO_MANY_REFUSALS = "TooManyRefusals"
_LOOKING = ("GET", "HEAD", "OPTIONS")
_ROWS_IN_A_STATEMENT = 500

# What the chain's hash covers, in this order, for ever: a new column joins at the end.
CANONICAL_FIELDS = (
    "act_id",
    "phase",
    "time",
    "written",
    "actor",
    "actor_key",
    "action",
    "account",
    "role",
    "method",
    "source",
    "grant",
    "session_name",
    "source_identity",
    "access_key_id",
    "region",
    "destination",
    "duration_seconds",
    "expires",
    "reason",
    "ip",
    "user_agent",
    "request_id",
    "outcome",
    "error",
    "details",
)


# PostgreSQL refuses what does not fit, SQLite keeps it. What was typed grows where it is made
# neutral; a row that is cut is better than none.
_LONGEST: Mapping[str, int | None] = {
    column.name: column.max_length
    for column in Entry._meta.concrete_fields  # noqa: SLF001 Django's documented API
}


def now_text() -> str:
    """Return this moment as the record keeps moments: RFC 3339, UTC, microseconds."""
    return moment_text(datetime.now(UTC))


def moment_text(moment: datetime) -> str:
    """Return a moment as the record keeps it, 27 characters that sort as time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _seconds_ago(seconds: int) -> str:
    return moment_text(datetime.now(UTC) - timedelta(seconds=seconds))


@dataclass(frozen=True)
class Act:
    """What somebody does, as far as it is known; every text as it was at that time.

    ``actor_key`` is the user's random record key (empty for a command). ``account`` is the 12
    digits and ``role`` the name with its path, except where they were only typed.
    """

    action: Action
    actor: str
    actor_key: str = ""
    account: str = ""
    role: str = ""
    method: str = ""
    source: str = ""
    grant: str = ""
    session_name: str = ""
    source_identity: str = ""
    access_key_id: str = ""
    region: str = ""
    destination: str = ""
    duration_seconds: int | None = None
    expires: str = ""
    reason: str = ""
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    act_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    time: str = field(default_factory=now_text)


def about(act: Act, role: Role) -> Act:
    """Say in an act which role it is about, with the names that people know it by now."""
    return replace(
        act,
        account=role.account_id,
        role=role.name,
        method=role.method,
        source=role.source.name,
        details={**act.details, **role.known_as},
    )


@dataclass(frozen=True)
class RateLimit:
    """At most ``count`` launches and credential issues of one person in ``seconds``."""

    count: int
    seconds: int = 60


def open_act(act: Act, limit: RateLimit | None = None) -> None:
    """Write the row that must stand before AWS is asked.

    Raises TooMany when the person has opened as many acts as ``limit`` allows (counted under the
    chain's lock, so that two workers cannot both let the last one through), RecordUnavailable
    when the row cannot be written.
    """
    _append(act, Phase.OPENED, Outcome.STARTED, "", limit)


def close_act(act: Act, outcome: Outcome, error: str = "") -> None:
    """Write how an opened act ended. Raises RecordUnavailable: then nothing is handed out."""
    _append(act, Phase.CLOSED, outcome, error)


def write(act: Act, outcome: Outcome, error: str = "") -> None:
    """Write an act that is one row. Raises RecordUnavailable when it cannot be written."""
    _append(act, Phase.SINGLE, outcome, error)


def write_all(acts: Sequence[Act], outcome: Outcome) -> None:
    """Write many acts, each one row, so that nobody waits long for the chain meanwhile.

    Raises RecordUnavailable: then none is written.
    """
    if not acts:
        return
    with recording():
        head = _locked_head(acts[0], None)
        entries = []
        for act in acts:
            entries.append(_entry(act, Phase.SINGLE, outcome, "", head))
            _point_at(head, entries[-1])
        Entry.objects.bulk_create(entries, batch_size=_ROWS_IN_A_STATEMENT)
        _move_head(head, entries)


def outcome_of(error: PortalError) -> Outcome:
    """Return how the record calls an act that ended so."""
    return Outcome.FAILED if error.status >= 500 else Outcome.DENIED


def write_refusal(act: Act, outcome: Outcome, error: str) -> None:
    """Write why AWS was not even asked; of one person at most ``MOST_REFUSALS_A_MINUTE`` rows.

    After that only one a minute, so that nobody floods what can never be deleted. Tries to change
    something are counted by themselves: looking at what is not theirs hides none of them.
    """
    with recording():
        # What succeeded hides no refusal: many things may be changed in a minute.
        lately = _rows_of_the_minute(act).exclude(outcome=Outcome.SUCCEEDED)
        alike = lately.filter(_is_alike(act), phase=Phase.SINGLE)
        if alike.count() < MOST_REFUSALS_A_MINUTE:
            write(act, outcome, error)
        elif not alike.filter(error=TOO_MANY_REFUSALS).exists():
            write(act, outcome, TOO_MANY_REFUSALS)


def _is_alike(act: Act) -> Q:
    """Match tries to change something where an act is one, else everything but those.

    Only what is sent to the administration tells its method.
    """
    looked = Q()
    for word in _LOOKING:
        looked |= Q(details__contains=f'"method": "{word}"')
    is_try = Q(details__contains='"method": "') & ~looked
    return is_try if act.details.get("method", "GET") not in _LOOKING else ~is_try


def write_once_a_minute(act: Act, outcome: Outcome, error: str) -> None:
    """Write such a row of one person only if there was none within the last minute."""
    if not _rows_of_the_minute(act).filter(error=error).exists():
        write(act, outcome, error)


def _rows_of_the_minute(act: Act) -> QuerySet[Entry]:
    return Entry.objects.filter(actor_key=act.actor_key, time__gte=_seconds_ago(60))


@contextmanager
def recording() -> Iterator[None]:
    """Take the writers' turn for a transaction that ends with a row of its own.

    The row has to be the last thing that is written in it: on PostgreSQL it locks the chain's
    head, which everybody's launch waits for, and who holds the head must wait for nothing more.
    On SQLite, who opens the transaction first and queues for the row afterwards would wait for
    a launch that waits for the transaction.
    """
    try:
        with one_writer_at_a_time():
            database_connection.require_usable()
            with transaction.atomic():
                yield
    except (Error, OSError, TimeoutError) as error:
        said = database_connection.in_one_line(error)
        raise _unavailable(f"{type(error).__name__}: {said}") from error


UNKNOWN_NAME = "unknown:"
"""What the record's word for somebody nobody knows begins with."""


def unknown_name(name: str) -> str:
    """Return what the record calls somebody nobody knows: a keyed hash, as people type passwords
    into the wrong field."""
    return UNKNOWN_NAME + _mac(_writing_key(), "unknown name", name)[:24]


# --- writing ---------------------------------------------------------------------------------


def _append(
    act: Act, phase: Phase, outcome: Outcome, error: str, limit: RateLimit | None = None
) -> None:
    with recording():
        head = _locked_head(act, limit)
        entry = _entry(act, phase, outcome, error, head)
        entry.save(force_insert=True)
        _point_at(head, entry)
        _move_head(head, [entry])


def _locked_head(act: Act, limit: RateLimit | None) -> RecordHead:
    heads = RecordHead.objects.select_for_update()
    if limit:
        heads = heads.annotate(opened=_opened_lately(act.actor_key, limit))
    head = heads.filter(id=1).first() or _first_head()
    if limit and getattr(head, "opened", 0) >= limit.count:
        raise _too_many(limit)
    if not _is_genuine(head):
        # To go on from a head that somebody altered would give the alteration a valid hash.
        raise _unavailable(f"the record's head row is not genuine at entry {head.count}")
    return head


def _opened_lately(actor_key: str, limit: RateLimit) -> Coalesce:
    since = _seconds_ago(limit.seconds)
    opened = (
        Entry.objects.filter(actor_key=actor_key, phase=Phase.OPENED, time__gte=since)
        .order_by()
        .values("actor_key")
        .annotate(count=Count("id"))
        .values("count")
    )
    return Coalesce(Subquery(opened), 0)


def _first_head() -> RecordHead:
    head = RecordHead(count=0, hash="", key_id=_key_id(_writing_key()))
    head.mac = _head_mac(head)
    try:
        with transaction.atomic():
            head.save(force_insert=True)
    except IntegrityError:
        # Another process began the record at this very moment.
        return RecordHead.objects.select_for_update().get(id=1)
    if Entry.objects.exists():
        raise _unavailable("the record's head row is gone")
    return head


def _entry(act: Act, phase: Phase, outcome: Outcome, error: str, head: RecordHead) -> Entry:
    texts = {
        name: as_kept(value)[: _LONGEST.get(name)]
        for name, value in vars(act).items()
        if isinstance(value, str)
    }
    entry = Entry(
        **texts,
        id=head.count + 1,
        duration_seconds=act.duration_seconds,
        details=_details_text(act.details),
        phase=phase,
        outcome=outcome,
        error=as_kept(error),
        written=now_text(),
        previous_hash=head.hash,
        key_id=_key_id(_writing_key()),
    )
    entry.hash = _entry_hash(_writing_key(), entry.previous_hash, _canonical_values(entry))
    return entry


def _point_at(head: RecordHead, entry: Entry) -> None:
    head.count, head.hash, head.key_id = entry.id, entry.hash, entry.key_id


def _move_head(head: RecordHead, entries: Sequence[Entry]) -> None:
    """Move the head to the last of new rows, all of which stand.

    A foreign trigger or rule can swallow an INSERT or UPDATE, and the database then reports
    success: so the rows themselves are looked for, and the moved head counted.
    """
    head.mac = _head_mac(head)
    first, last = entries[0], entries[-1]
    stands = Exists(Entry.objects.filter(id=last.id, hash=last.hash))
    moved = RecordHead.objects.filter(stands, id=1).update(
        count=head.count, hash=head.hash, key_id=head.key_id, mac=head.mac
    )
    is_whole = len(entries) == 1 or (
        Entry.objects.filter(id__gte=first.id, id__lte=last.id).count() == len(entries)
    )
    if moved != 1 or not is_whole:
        raise _unavailable(f"the database did not keep row {last.id}, or not the record's head")


_TO_ESCAPE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_LIKE_AN_ESCAPE = re.compile(r"\\(?=u[0-9a-f]{4})")


def neutral(text: str) -> str:
    """Return text that can break no line, terminal or page direction: controls as escapes.

    Cut to ``LONGEST_TEXT`` characters. What is neutral already stays as it is.
    """
    return _escaped(text)[:LONGEST_TEXT]


def as_kept(text: str) -> str:
    """Return a text as a row keeps it: neutral, and two texts are never kept as one."""
    return _as_kept(text)[:LONGEST_TEXT]


def _as_kept(text: str) -> str:
    # What looks like an escape already was typed so, and is another text.
    return _escaped(_LIKE_AN_ESCAPE.sub(r"\\u005c", text[: LONGEST_TEXT + 1]))


def _escaped(text: str) -> str:
    """Return the beginning of a text with controls as escapes, longer than it may be if it is."""
    beginning = text[: LONGEST_TEXT + 1]
    if beginning.isascii() and beginning.isprintable():
        return beginning
    return "".join(
        f"\\u{ord(character):04x}" if unicodedata.category(character) in _TO_ESCAPE else character
        for character in beginning
    )


def _details_text(details: Mapping[str, Any]) -> str:
    """Return details as a row holds them: harmless, and at most ``LONGEST_DETAILS`` characters.

    Where they are longer, what is long in them is cut: of ``before`` and ``after`` the values, of
    an access file its last changes; then what is still long; then everything.
    """
    kept = _all_neutral(details)
    text = _as_json(kept)
    for depth in (2, 1):
        if len(text) > LONGEST_DETAILS:
            kept = _cut_at(kept, depth)
            text = _as_json(kept)
    return text if len(text) <= LONGEST_DETAILS else _as_json({"cut": _cut(text)})


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True)


def _cut_at(value: Any, depth: int) -> Any:
    """Put the beginning of its JSON in place of each long value so deep in details."""
    if depth and isinstance(value, dict):
        return {key: _cut_at(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return _cut_list(value)
    text = _as_json(value)
    return value if len(text) <= LONGEST_TEXT else _cut(text)


def _cut_list(items: list[Any]) -> list[Any]:
    """Keep the first of very many, and say how many more there were: the SHA-256 is of them all."""
    room = LONGEST_DETAILS // 2
    for kept, item in enumerate(items):
        room -= len(_as_json(item))
        if room < 0:
            whole = hashlib.sha256(_as_json(items).encode()).hexdigest()
            return [*items[:kept], f"… [{len(items) - kept} more, SHA-256 {whole}]"]
    return items


def _all_neutral(value: Any) -> Any:
    """Return details of which every text, however deep, is as rows keep texts.

    A text that is too long is told apart from all others that begin as it does.
    """
    if isinstance(value, Mapping):
        return {as_kept(str(key)): _all_neutral(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_all_neutral(inner) for inner in value]
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    kept = _as_kept(text)
    return kept if len(kept) <= LONGEST_TEXT else _cut(text)


def _cut(text: str) -> str:
    """Return as much of a text as fits, its length and the SHA-256 of the whole, in hex."""
    whole = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    mark = f"… [{len(text)} characters, SHA-256 {whole}]"
    return _as_kept(text)[: LONGEST_TEXT - len(mark)] + mark


def _unavailable(cause: str) -> RecordUnavailable:
    return RecordUnavailable(
        log=f"the record cannot be written: {cause}",
        message=gettext_noop("The portal cannot write its record, so it opens nothing."),
        next_step=gettext_noop(
            "Try again in a minute. If it stays so, tell an administrator that the "
            "database of the portal refuses writes."
        ),
    )


def _too_many(limit: RateLimit) -> TooMany:
    return TooMany(
        log=f"more than {limit.count} launches in {limit.seconds} s",
        message=gettext_noop("You have opened %(count)s sessions within the last minute."),
        next_step=gettext_noop("Wait a minute, then go on."),
        params={"count": limit.count},
        retry_after=limit.seconds,
    )


# --- keys and hashes -------------------------------------------------------------------------


def _writing_key() -> str:
    return str(settings.PORTAL_RECORD_KEY[0])


@functools.cache
def _key_id(key: str) -> str:
    """Name a key without telling it: 64 bits of a hash of its own kind."""
    return hashlib.sha256(b"sekisho record key id\0" + key.encode()).hexdigest()[:16]


def _keys() -> dict[str, str]:
    return {_key_id(key): key for key in settings.PORTAL_RECORD_KEY}


def _mac(key: str, *parts: object) -> str:
    return hmac.digest(key.encode(), _canonical(parts).encode(), "sha256").hex()


# Made once: json.dumps would make one for each row.
_canonical = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def _canonical_values(entry: Entry) -> tuple[object, ...]:
    return tuple(getattr(entry, name) for name in CANONICAL_FIELDS)


def _entry_hash(key: str, previous_hash: str, values: tuple[object, ...]) -> str:
    return _mac(key, "entry", previous_hash, *values)


def _head_mac(head: RecordHead) -> str:
    return _mac(_keys()[head.key_id], "head", head.count, head.hash)


def _is_genuine(head: RecordHead) -> bool:
    return head.key_id in _keys() and hmac.compare_digest(head.mac, _head_mac(head))


# --- verifying -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What the check of the chain found.

    ``count`` rows and the ``head`` hash where all is well; else ``broken_at``, the number of the
    row, and ``how``: ``altered``, ``missing``, ``reordered`` or ``unknown key``.
    """

    count: int = 0
    head: str = ""
    broken_at: int | None = None
    how: str = ""
    key_id: str = ""


def verify() -> Verdict:
    """Read the whole chain in order and say whether it is what was written.

    In pieces, without holding anything: launches go on meanwhile, and what they write is read
    too. The head is looked at after the rows and once: a second look might see a later one.
    """
    verdict = Verdict()
    while verdict.broken_at is None:
        rows = _rows_after(verdict.count)
        if not rows:
            head = RecordHead.objects.filter(id=1).first()
            rows = _rows_after(verdict.count) if _is_ahead(head, verdict) else []
            if not rows:
                return _verify_head(head, verdict)
        verdict = _verify_rows(rows, verdict)
    return verdict


_ROWS_AT_ONCE = 5000


def _rows_after(number: int) -> list[tuple[Any, ...]]:
    columns = ("id", "previous_hash", "key_id", "hash", *CANONICAL_FIELDS)
    rows = Entry.objects.order_by("id").values_list(*columns)
    # From the very first, whatever its number: somebody may have put one before it.
    return list((rows.filter(id__gt=number) if number else rows)[:_ROWS_AT_ONCE])


def _is_ahead(head: RecordHead | None, verdict: Verdict) -> bool:
    """Tell whether rows were written after the last look at them, or are missing."""
    return head is not None and head.count > verdict.count


def _verify_rows(rows: list[tuple[Any, ...]], before: Verdict) -> Verdict:
    keys = _keys()
    number, hash_before = before.count, before.head
    for row_id, previous_hash, key_id, row_hash, *values in rows:
        number += 1
        if row_id != number:
            return Verdict(broken_at=number, how="missing")
        if key_id not in keys:
            return Verdict(broken_at=number, how="unknown key", key_id=key_id)
        expected = _entry_hash(keys[key_id], previous_hash, tuple(values))
        is_genuine = hmac.compare_digest(row_hash, expected)
        if previous_hash != hash_before or not is_genuine:
            return Verdict(broken_at=number, how=_how_broken(previous_hash, is_genuine))
        hash_before = row_hash
    return Verdict(count=number, head=hash_before)


def _how_broken(previous_hash: str, is_genuine: bool) -> str:
    """Tell an altered row from a moved one, and from one whose predecessor was taken out."""
    if not is_genuine:
        return "altered"
    return "reordered" if Entry.objects.filter(hash=previous_hash).exists() else "missing"


def _verify_head(head: RecordHead | None, rows: Verdict) -> Verdict:
    count = rows.count
    if head is None and count == 0:
        return Verdict()
    if head is not None and head.key_id not in _keys():
        return Verdict(broken_at=head.count, how="unknown key", key_id=head.key_id)
    if head is None or not _is_genuine(head) or head.count > count:
        return Verdict(broken_at=count + 1, how="missing")
    if head.count < count:
        return Verdict(broken_at=head.count + 1, how="altered")
    if head.hash != rows.head:
        return Verdict(broken_at=count, how="altered")
    return rows
