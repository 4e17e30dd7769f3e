"""The record as people read it: one row an act, the newest first, as filters leave them.

Own history is what carries the person's record key: names change hands, keys do not. Everybody's
is for administrators and auditors.

Nothing here grows with the record. Every question walks one index of the record from its newest
row on (``_Walk``); whatever else is asked is looked for in the newest ``LOOKED_THROUGH`` rows of
that walk, and the answer says how far back that was and where to go on.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property
from typing import Any

from django.db.models import (
    BooleanField,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
)
from django.db.models.functions import Concat, Length
from django.db.models.lookups import Exact, In
from django.utils import timezone

from accounts.models import Action, Entry, Outcome, Phase, User
from accounts.record import as_kept, moment_text, neutral

LOOKED_THROUGH = 20_000
"""How many rows of the record one page looks through for what no index finds."""

MOST_COUNTED = 10_000
"""Lines are counted as far as this; a page says that there are more."""

LONGEST_SESSION = timedelta(hours=36)
"""The longest that AWS lets a session last: a federation token's."""

# PostgreSQL's text cannot hold it, and no row does.
_NUL = "\0"

_SEARCHED = ("account", "role", "region", "destination", "reason", "error", "request_id", "ip")
_SEARCHED_IN_ALL = (
    *_SEARCHED,
    "actor",
    "grant",
    "session_name",
    "source_identity",
    "access_key_id",
    "user_agent",
)
_ENTERING = (Action.LAUNCH, Action.CREDENTIALS)
_SIGNING = (Action.SIGN_IN, Action.SIGN_OUT)
_TROUBLE = (Outcome.DENIED, Outcome.FAILED)

WHAT = ("opened", "trouble", "credentials", "sign-in", "open")
"""The kinds of acts that a person can ask for; ``open`` are sessions that still last."""

IS_TROUBLE = Func(
    F("outcome"),
    template=f"%(expressions)s IN ('{Outcome.DENIED}', '{Outcome.FAILED}')",
    output_field=BooleanField(),
)
"""What did not come to what was wanted. Letter for letter, so that its own index serves it."""


@dataclass(frozen=True)
class Filters:
    """What to show of a history; empty means everything.

    ``what`` is one of ``WHAT``; ``since`` and ``until`` are days, both included; ``kind`` and
    ``name`` say which thing an administrator changed. ``key``, ``session`` and ``request`` are an
    access key id, a session's name and a reference number, all exact.
    """

    words: tuple[str, ...] = ()
    person: str = ""
    account: str = ""
    role: str = ""
    environment: str = ""
    what: str = ""
    action: str = ""
    outcome: str = ""
    kind: str = ""
    name: str = ""
    key: str = ""
    session: str = ""
    request: str = ""
    ip: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def hold_what_no_row_holds(self) -> bool:
        """Whether a text is among them that PostgreSQL cannot even be asked for."""
        texts = (getattr(self, each.name) for each in fields(self))
        return any(_NUL in text for text in (*self.words, *texts) if isinstance(text, str))


@dataclass(frozen=True)
class Mark:
    """A row's place in the order of pages."""

    time: str
    id: int

    @property
    def older(self) -> Q:
        """What comes after it, as the newest come first."""
        return Q(self._compared("<"), time__lte=self.time)

    @property
    def up_to_it(self) -> Q:
        """It, and what comes before it."""
        return Q(self._compared(">="), time__gte=self.time)

    def _compared(self, how: str) -> Func:
        """Compare both at once, so that one index ends where it should.

        PostgreSQL takes two such ends for unlike conditions and expects most of the record between
        them; the bare times beside them tell it how little that is.
        """
        row = Func(F("time"), F("id"), template="(%(expressions)s)")
        own = Func(Value(self.time), Value(self.id), template="(%(expressions)s)")
        return Func(
            row,
            own,
            template="%(expressions)s",
            arg_joiner=f" {how} ",
            output_field=BooleanField(),
        )


@dataclass(frozen=True)
class Page:
    """Some acts, the newest first.

    ``older`` is the number of the row after which the next page begins, None where nothing is
    left. ``looked_back_to`` is how far back was looked, where that was not far enough to fill
    the page or to know that nothing is left.
    """

    rows: list[Entry]
    older: int | None = None
    looked_back_to: datetime | None = None


@dataclass(frozen=True)
class Count:
    """How many acts there are: ``number``, or more than it; only those since ``since``, if set."""

    number: int
    is_more: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class History:
    """The acts that filters leave: of one person, by their record key, or of everybody (None).

    Days begin and end in ``zone``, the one of the reader: it holds for acts that are read after
    their request has been answered too, as an export's are.
    """

    filters: Filters = Filters()
    actor_key: str | None = None
    now: datetime = field(default_factory=timezone.now)
    zone: tzinfo = field(default_factory=timezone.get_current_timezone)

    @classmethod
    def of(cls, user: User, filters: Filters = Filters()) -> "History":
        """Return a person's own; an account may be called by the alias by which they met it."""
        account = _account_met_as(filters.account, user.record_key)
        return cls(replace(filters, account=account), actor_key=user.record_key)

    def page(self, size: int, before: int | None = None) -> Page:
        """Return the newest acts, or those that come after the row of a number."""
        walked = self._walk.after(_mark(before))
        if before is None or not self._walk.has_rest:
            end = self._first_end
        else:
            end = walked.end(LOOKED_THROUGH)
        rows = list(walked.found(end)[: size + 1])
        if len(rows) > size:
            return Page(rows[:size], older=rows[size - 1].id)
        if end is None:
            return Page(rows)
        return Page(rows, older=end.id, looked_back_to=moment_of(end.time))

    def count(self) -> Count:
        """Return how many there are, as far as it is worth counting."""
        end = self._first_end
        number = self._walk.counted(end)[: MOST_COUNTED + 1].count()
        since = moment_of(end.time) if end else None
        return Count(min(number, MOST_COUNTED), number > MOST_COUNTED, since)

    def every(self, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of every act there was when it began, a few thousand at a time.

        However many there are, memory stays flat, no statement takes long and nothing is held
        between two of them.
        """
        last = Entry.objects.order_by("-id").values_list("id", flat=True).first()
        walked: _Walk | None = replace(self._walk, last=last)
        while walked:
            end = _end_of_part(walked)
            yield from walked.found(end).values_list(*columns)
            walked = walked.after(end) if end else None

    def entered(self, most: int, *columns: str) -> tuple[list[tuple[Any, ...]], Mark | None]:
        """Return columns of the newest launches and credential issues that have ended.

        Out of at most ``most`` rows, and where that ended. Of filters only those that are walked.
        """
        end = self._walk.end(most)
        ended = self._walk.upto(end).exclude(phase=Phase.OPENED)
        entered = In(_aside("action"), _ENTERING)
        return list(ended.filter(entered).order_by("-time", "-id").values_list(*columns)), end

    @cached_property
    def _first_end(self) -> Mark | None:
        """How far the first page looks, where rows have to be looked through."""
        return self._walk.end(LOOKED_THROUGH) if self._walk.has_rest else None

    @cached_property
    def _walk(self) -> "_Walk":
        return _plan(self)


_ROWS_AT_ONCE = 4000
_LONGEST_PART = 8_000_000


def _end_of_part(walked: "_Walk") -> Mark | None:
    """Return where a part ends that memory has room for: earlier, where details are long."""
    most = _ROWS_AT_ONCE
    end = walked.end(most)
    while most > 1 and _length(walked.upto(end)) > _LONGEST_PART:
        most //= 4
        end = walked.end(most)
    return end


def _length(rows: "QuerySet[Entry]") -> int:
    """Return how many characters the details of some rows have."""
    return rows.aggregate(length=Sum(Length("details")))["length"] or 0


# --- the walk --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Walk:
    """Rows of the record in the order of one of its indexes, and what is looked for among them.

    ``rows`` are what the index finds, ``is_of_ends`` tells whether by what only an act's last row
    holds; ``rest`` is judged row by row. It begins after ``begin``; ``last`` is the number of the
    last row that counts.
    """

    rows: "QuerySet[Entry]"
    rest: tuple[Any, ...] = ()
    begin: Mark | None = None
    is_of_ends: bool = False
    last: int | None = None

    @property
    def has_rest(self) -> bool:
        """Whether rows have to be looked through."""
        return bool(self.rest)

    def after(self, mark: Mark | None) -> "_Walk":
        """Return the rest of the walk after a row."""
        return replace(self, begin=mark) if mark else self

    def end(self, most: int) -> Mark | None:
        """Return the row at which ``most`` rows have been looked at; None: they are fewer."""
        rows = self.upto(None).order_by("-time", "-id")
        last = rows.values_list("time", "id")[most - 1 : most]
        return next((Mark(*row) for row in last), None)

    def upto(self, end: Mark | None) -> "QuerySet[Entry]":
        """Return the rows as far as one."""
        rows = self.rows.filter(self.begin.older) if self.begin else self.rows
        return rows.filter(end.up_to_it) if end else rows

    def counted(self, end: Mark | None) -> "QuerySet[Entry]":
        """Return as many rows as there are acts to be found: an act's first row is there for all.

        But for what only the last one holds, and what is judged row by row.
        """
        if self.rest or self.is_of_ends:
            return self.found(end)
        return self.upto(end).exclude(phase=Phase.CLOSED).order_by("-time", "-id")

    def found(self, end: Mark | None = None) -> "QuerySet[Entry]":
        """Return what is looked for, one row an act: its last, which repeats what the first said.

        Not beyond ``end``.
        """
        found = self.upto(end)
        closed = Entry.objects.filter(act_id=OuterRef("act_id"), phase=Phase.CLOSED)
        if self.last is not None:
            found, closed = found.filter(id__lte=self.last), closed.filter(id__lte=self.last)
        # Looked up row by row: of EXISTS PostgreSQL would make a list of all that have ended.
        found = found.alias(end=Subquery(closed.values("id")[:1]))
        found = found.filter(~Q(phase=Phase.OPENED) | Q(end__isnull=True))
        return found.filter(*self.rest).order_by("-time", "-id")


def _mark(number: int | None) -> Mark | None:
    if number is None:
        return None
    rows = Entry.objects.filter(id=number).values_list("time", "id")
    return next((Mark(*row) for row in rows), None)


# Which index is walked: the first of these that is asked for, as it leaves the fewest rows.
_WALKED = (
    ("actor_key",),
    ("request_id",),
    ("access_key_id",),
    ("session_name",),
    ("ip",),
    ("account", "role"),
    ("actor",),
    ("account",),
    ("trouble",),
    ("action",),
)


def _plan(history: History) -> _Walk:
    if history.filters.hold_what_no_row_holds:
        return _Walk(Entry.objects.none())
    asked = _asked(history)
    walked = next((names for names in _WALKED if asked.keys() >= set(names)), ())
    rows = Entry.objects.filter(*_period(history))
    for name in walked:
        rows = rows.filter(IS_TROUBLE if name == "trouble" else Q(**{name: asked[name]}))
    beside = [_beside(name, value) for name, value in asked.items() if name not in walked]
    rest = (*beside, *_looked_for(history))
    if history.filters.what == "open":
        rest = (Q(id__in=_still_open(_Walk(rows, rest), history.now)),)
    return _Walk(rows, rest, is_of_ends=walked in {("trouble",), ("access_key_id",)})


_ALIAS = re.compile(r"[a-z0-9-]{1,63}")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")


def _account_met_as(typed: str, actor_key: str) -> str:
    """Return the number of the account that the newest act of somebody calls so, else what it was.

    The catalogue would tell them of accounts that they were never granted.
    """
    alias = typed.lower()
    if not _ALIAS.fullmatch(alias) or _ACCOUNT_ID.fullmatch(alias):
        return typed
    own = _Walk(Entry.objects.filter(actor_key=actor_key))
    called_so = own.upto(own.end(LOOKED_THROUGH)).filter(details__contains=as_in_json(alias=alias))
    met = called_so.exclude(account="").order_by("-time", "-id")
    return met.values_list("account", flat=True).first() or typed


def _asked(history: History) -> dict[str, str]:
    """Return what is asked for exactly, by the column it stands in."""
    filters = _read_off_words(history)
    asked = {
        "actor_key": history.actor_key or "",
        "actor": filters.person,
        "account": filters.account,
        "role": filters.role,
        "action": filters.action,
        "outcome": filters.outcome,
        "access_key_id": filters.key,
        "session_name": filters.session,
        "request_id": filters.request,
        "ip": filters.ip,
        "trouble": "yes" if filters.what == "trouble" else "",
    }
    if not filters.action and filters.what in {"opened", "credentials"}:
        asked["action"] = Action.LAUNCH if filters.what == "opened" else Action.CREDENTIALS
    if not filters.action and (filters.kind or filters.name):
        asked["action"] = Action.ADMIN_CHANGE
    # A person without a key has no history of their own, and must not get everybody's.
    return {k: v for k, v in asked.items() if v or (k == "actor_key" and history.actor_key == "")}


_REFERENCE = re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){2}")
_ACCESS_KEY_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,124}")


def _read_off_words(history: History) -> Filters:
    """Take one word that can only be a reference or an access key id for what it is."""
    filters = history.filters
    if len(filters.words) == 1 and history.actor_key is None:
        word = filters.words[0].upper()
        if not filters.request and _REFERENCE.fullmatch(word):
            return replace(filters, words=(), request=word)
        if not filters.key and _ACCESS_KEY_ID.fullmatch(word):
            return replace(filters, words=(), key=word)
    return filters


def _beside(name: str, value: str) -> Any:
    """Compare a column in a way that leaves its index alone: another one is walked."""
    if name == "trouble":
        return Q(outcome__in=_TROUBLE)
    return Exact(_aside(name), value)


def _aside(name: str) -> Concat:
    return Concat(F(name), Value(""), output_field=TextField())


def _looked_for(history: History) -> Iterator[Any]:
    """Yield what is judged row by row."""
    filters = _read_off_words(history)
    searched = _SEARCHED if history.actor_key is not None else _SEARCHED_IN_ALL
    for word in filters.words:
        yield _mentions(word, searched)
    if filters.environment:
        yield Q(details__contains=as_in_json(environment=filters.environment))
    if filters.kind or filters.name:
        # Keys are sorted in what the record keeps, so these two stand side by side.
        names = _as_rows_have(filters.name)
        yield Q(*(_is_named(filters.kind, name) for name in names), _connector=Q.OR)
    if filters.what == "opened":
        yield Q(outcome=Outcome.SUCCEEDED)
    if filters.what == "sign-in":
        yield In(_aside("action"), _SIGNING)


def _as_rows_have(name: str) -> set[str]:
    """Return a name as rows keep it, and as they did when an escape and its text were one."""
    return {neutral(name), as_kept(name)}


def _is_named(kind: str, name: str) -> Q:
    named = {"kind": as_kept(kind), "name": name}
    return Q(details__contains=as_in_json(**{key: value for key, value in named.items() if value}))


def _period(history: History) -> Iterator[Q]:
    filters = history.filters
    since = moment_text(_start_of(filters.since, history.zone)) if filters.since else ""
    if filters.what == "open":
        since = max(since, moment_text(history.now - LONGEST_SESSION))
    if since:
        yield Q(time__gte=since)
    if filters.until and filters.until < date.max:
        end = _start_of(filters.until + timedelta(days=1), history.zone)
        yield Q(time__lt=moment_text(end))


def _start_of(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins in a time zone."""
    try:
        return timezone.make_aware(datetime.combine(day, time.min), zone).astimezone(UTC)
    except OverflowError:
        return datetime.combine(day, time.min, tzinfo=UTC)


def _mentions(word: str, searched: tuple[str, ...]) -> Q:
    mentions = Q(details__icontains=json.dumps(word)[1:-1])
    for column in searched:
        mentions |= Q(**{f"{column}__icontains": word})
    return mentions


def as_in_json(**values: str) -> str:
    """Return what stands in the details of a row that holds these values, sorted by name."""
    return json.dumps(values)[1:-1]


def _still_open(walk: _Walk, now: datetime) -> list[int]:
    """Return the numbers of the rows whose sessions have not ended, of the newest."""
    columns = ("id", "expires", "written", "duration_seconds", "details")
    rows = walk.found().filter(outcome=Outcome.SUCCEEDED, action__in=_ENTERING)
    return [
        number
        for number, expires, written, seconds, details in rows.values_list(*columns)[:_MOST_OPEN]
        if (ends := session_ends(expires, written, seconds, details_of(details))) and ends > now
    ]


_MOST_OPEN = 5000


# --- what a row says -------------------------------------------------------------------------


def details_of(text: str) -> dict[str, Any]:
    """Return a row's details, which were made harmless when they were written."""
    details: dict[str, Any] = json.loads(text)
    return details


def moment_of(text: str) -> datetime | None:
    """Return a moment as the record keeps it; None where there is none."""
    return datetime.fromisoformat(text) if text else None


def session_ends(
    expires: str, written: str, duration_seconds: int | None, details: Mapping[str, Any]
) -> datetime | None:
    """Return when a session ends: with its credentials, or a console session's own length on."""
    console_seconds = details.get("console_seconds")
    if isinstance(console_seconds, int) and console_seconds != duration_seconds:
        begun = moment_of(written)
        return begun + timedelta(seconds=console_seconds) if begun else None
    return moment_of(expires)


def act(act_id: str) -> list[Entry]:
    """Return an act's rows, in the order in which they were written; none: there is no such act."""
    if _NUL in act_id:
        return []
    return list(Entry.objects.filter(act_id=act_id).order_by("id"))
