"""Rows of roles, as home and its search show them: what, where, how long, what to know first.

Made for thousands of roles at once: what repeats is worked out once a page, and each row is one
filling of a mould.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from itertools import groupby
from urllib.parse import quote

from django.templatetags.static import static
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from accounts.aws_rules.destinations import CONSOLE_HOME, describe
from accounts.entitlements import WayIn
from accounts.models import Bookmark
from accounts.uses import Use
from portal.aws.plan import SourceSettings
from portal.launch import is_surely_chained
from portal.pages.environments import Environment, environment
from portal.pages.mould import Mould, escaped
from portal.pages.wording import account_number, dated, duration_words
from portal.session_plan import Lengths, decide_lengths

MANY = 200
"""With more roles than this a page leaves out what its script can put in: the links to options.
Without script search leads to them, whose results have them always."""
SOON = timedelta(days=14)

_LONGER_THAN_ANY_SESSION = timedelta(days=2)
# What Django's own ``reverse`` leaves as it is in a path.
_SAFE_IN_PATH = "!*'();:@&=+$,/~"
_NOTHING = SafeString()

_ROLE_PLACES = (
    "data",
    "label",
    "title",
    "middle",
    "flags",
    "account_path",
    "role_path",
    "seconds",
    "account",
    "length",
)
_ACCOUNT_PLACES = ("kind", "data", "tint", "account", "label", "digits", "alias", "roles")


@dataclass(frozen=True)
class _Account:
    """What the rows of one account share, as markup."""

    environment: Environment
    title: SafeString
    path: SafeString
    label: SafeString
    digits: SafeString


@dataclass(frozen=True)
class _Role:
    """What the rows of roles of one name share, as markup."""

    title: SafeString
    path: SafeString


@dataclass(frozen=True)
class _Shape:
    """What roles of the same lengths share: the lengths, and their words as markup."""

    lengths: Lengths
    seconds: SafeString
    words: SafeString


class RoleRows:
    """Makes the rows of one page for one person. ``used`` are their latest uses of roles.

    ``is_for_another``: somebody else looks at them, so no row leads anywhere.
    """

    def __init__(
        self,
        used: Iterable[Use],
        now: datetime,
        *,
        is_many: bool = False,
        is_for_another: bool = False,
    ) -> None:
        self._now = now
        self._is_many = is_many
        self._is_for_another = is_for_another
        self._used = {(use.account_id, use.role_name): use for use in used}
        self._chained: dict[tuple[str, str], bool] = {}
        self._shapes: dict[tuple[object, ...], _Shape] = {}
        self._accounts: dict[str, _Account] = {}
        self._roles: dict[tuple[str, str], _Role] = {}
        self._labels: dict[Environment, SafeString] = {}
        self._flag_sets: dict[tuple[object, ...], SafeString] = {}

    def by_account(self, ways: Iterable[WayIn]) -> SafeString:
        """Return the ways, which come account by account, as one section for each account."""
        accounts = groupby(ways, key=lambda way: way.account_id)
        return SafeString("".join(self._section(list(ways_in)) for _, ways_in in accounts))

    def hits(self, ways: Iterable[WayIn]) -> SafeString:
        """Return the ways as one flat list, account beside the role."""
        return SafeString("".join(map(self._hit, ways)))

    def weight(self, way: WayIn) -> float:
        """How much the person uses the role."""
        use = self._used.get((way.account_id, way.role_name))
        return use.weight if use else 0.0

    def lengths_in_words(self) -> list[tuple[int, str]]:
        """Return the session lengths that the rows so far gave, each with its words."""
        shapes = {shape.lengths.session: shape.words for shape in self._shapes.values()}
        return sorted(shapes.items())

    # --- rows ---

    def _section(self, ways: list[WayIn]) -> str:
        first = ways[0]
        account = self._account_of(first)
        return self._account_mould.fill(
            kind=account.environment.kind,
            data=_data("words", " ".join(first.tags.values())),
            tint=_tint(first.colour),
            account=account.title,
            label=account.label,
            digits=account.digits,
            alias=first.account_alias or "",
            roles=SafeString("".join(self._row(way, account) for way in ways)),
        )

    def _row(self, way: WayIn, account: _Account) -> str:
        weight = self.weight(way)
        data = _data("used", f"{weight:.3f}") if weight else _NOTHING
        return self._fill(
            way, account, data=data, label=_NOTHING, middle=_meta(way.destination, way.region)
        )

    def _hit(self, way: WayIn) -> str:
        account = self._account_of(way)
        where = SafeString(f'<span class="role-where">{account.title}</span>')
        data = _data("env", account.environment.kind)
        return self._fill(way, account, data=data, label=account.label, middle=where)

    def _fill(
        self,
        way: WayIn,
        account: _Account,
        *,
        data: SafeString,
        label: SafeString,
        middle: SafeString,
    ) -> str:
        shape, role = self._shape_of(way), self._role_of(way)
        flags = self._flags(way, shape.lengths)
        return self._role_mould.fill(
            data=data,
            label=label,
            title=role.title,
            middle=middle,
            # In a flat list the account's number stands behind the flags.
            flags=SafeString(flags + account.digits) if label else flags,
            account_path=account.path,
            role_path=role.path,
            seconds=shape.seconds,
            account=account.title,
            length=shape.words,
        )

    # --- what rows share ---

    def _account_of(self, way: WayIn) -> _Account:
        known = self._accounts.get(way.account_id)
        if known is None:
            place = environment(way.environment)
            known = self._accounts[way.account_id] = _Account(
                environment=place,
                title=escaped(way.account_title),
                path=path_part(way.account_key),
                label=self._label_of(place),
                digits=account_number(way.account_id, in_groups=not self._is_many),
            )
        return known

    def _role_of(self, way: WayIn) -> _Role:
        known = self._roles.get((way.role_name, way.title))
        if known is None:
            known = self._roles[way.role_name, way.title] = _Role(
                title=escaped(way.shown_title),
                path=path_part(way.role_name),
            )
        return known

    def _label_of(self, place: Environment) -> SafeString:
        if place not in self._labels:
            self._labels[place] = self._label_mould.fill(kind=place.kind, title=place.title)
        return self._labels[place]

    def _shape_of(self, way: WayIn) -> _Shape:
        """What the role's default launch would really give."""
        chained = self._is_chained(way)
        ends_early = way.ends is not None and way.ends - self._now < _LONGER_THAN_ANY_SESSION
        key = (
            way.method,
            way.session_seconds,
            way.max_session_seconds,
            way.console_seconds,
            chained,
            way.ends if ends_early else None,
        )
        known = self._shapes.get(key)
        if known is None:
            lengths = decide_lengths(
                way.entitlement, self._now, is_chained=chained, for_console=True, wish=None
            )
            words = escaped(duration_words(lengths.session))
            known = self._shapes[key] = _Shape(lengths, SafeString(lengths.session), words)
        return known

    def _is_chained(self, way: WayIn) -> bool:
        source = (way.source, way.source_profile)
        if source not in self._chained:
            self._chained[source] = is_surely_chained(SourceSettings(*source))
        return self._chained[source]

    # --- flags ---

    def _flags(self, way: WayIn, lengths: Lengths) -> SafeString:
        use = self._used.get((way.account_id, way.role_name))
        open_until = use.open_until if use else None
        key = (open_until, way.require_reason, way.ends, lengths)
        known = self._flag_sets.get(key)
        if known is None:
            flags = "".join(self._flags_of(open_until, way, lengths))
            known = self._flag_sets[key] = SafeString(flags)
        return known

    def _flags_of(
        self, open_until: datetime | None, way: WayIn, lengths: Lengths
    ) -> Iterator[SafeString]:
        if open_until:
            words = gettext("%(length)s left") % {"length": left_words(open_until, self._now)}
            yield SafeString(f'<span class="live">{escaped(words)}</span>')
        if way.require_reason:
            yield self._flag("edit", gettext("Reason asked"))
        if way.ends:
            is_soon = way.ends - self._now < SOON
            yield self._flag("calendar", ends_words(way.ends, self._now), is_warning=is_soon)
        elif lengths.is_shortened:
            words = gettext("%(length)s at most") % {"length": duration_words(lengths.longest)}
            yield self._flag("info", words)

    def _flag(self, icon: str, words: str, *, is_warning: bool = False) -> SafeString:
        state = _data("state", "warn") if is_warning else _NOTHING
        return self._flag_mould.fill(state=state, icon=icon, words=words)

    # --- moulds ---

    @cached_property
    def _role_mould(self) -> Mould:
        context = {"icons": static("icons.svg"), "is_many": self._is_many}
        context["is_for_another"] = self._is_for_another
        return Mould("portal/parts/role.html", _ROLE_PLACES, context)

    @cached_property
    def _account_mould(self) -> Mould:
        return Mould("portal/parts/account.html", _ACCOUNT_PLACES, {})

    @cached_property
    def _flag_mould(self) -> Mould:
        context = {"icons": static("icons.svg")}
        return Mould("portal/parts/flag.html", ("state", "icon", "words"), context)

    @cached_property
    def _label_mould(self) -> Mould:
        context = {"icons": static("icons.svg")}
        return Mould("portal/parts/environment.html", ("kind", "title"), context)


def _data(name: str, value: str) -> SafeString:
    return SafeString(f' data-{name}="{escaped(value)}"') if value else _NOTHING


def _tint(colour: str) -> SafeString:
    """An administrator's own colour for the account's bar."""
    if not colour:
        return _NOTHING
    rect = f'<rect width="3" height="100%" fill="{escaped(colour)}"/>'
    return SafeString(f'<svg class="tint" aria-hidden="true">{rect}</svg>')


def path_part(text: str) -> SafeString:
    """Return a text as it stands in one of our addresses, as markup."""
    return escaped(quote(text, safe=_SAFE_IN_PATH))


@lru_cache(maxsize=4096)
def _place(destination: str, region: str, role_region: str) -> tuple[str, str]:
    service, where = describe(destination, region, role_region)
    return "" if service == CONSOLE_HOME else service, where


def place_words(destination: str, region: str, role_region: str = "") -> str:
    """Return service and region in few words, as ``describe`` has them.

    The console's home is not worth one.
    """
    return ", ".join(filter(None, _place(destination, region, role_region)))


def bookmark_place_words(bookmark: Bookmark, way: WayIn) -> str:
    """Return where a bookmark lands in the console of its role."""
    destination = bookmark.destination or way.destination
    return place_words(destination, bookmark.region, way.region)


@lru_cache(maxsize=4096)
def _meta(destination: str, role_region: str) -> SafeString:
    words = escaped(place_words(destination, "", role_region))
    return SafeString(f'<span class="role-meta">{words}</span>')


def left_words(moment: datetime, now: datetime) -> str:
    """Return how long it is until a moment."""
    return duration_words((moment - now).total_seconds())


def ends_words(ends: datetime, now: datetime) -> str:
    """Return when a grant ends: a length within two days, days within two weeks, else the date."""
    left = ends - now
    if left < timedelta(days=2):
        return gettext("Ends in %(length)s") % {"length": left_words(ends, now)}
    if left < SOON:
        return gettext("Ends in %(days)d days") % {"days": left.days}
    there, here = timezone.localtime(ends), timezone.localtime(now)
    shown = dated(there, "j M" if there.year == here.year else "j M Y")
    return gettext("Ends %(day)s") % {"day": shown}
