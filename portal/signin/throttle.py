"""Slows wrong passwords down, by name and by address, without locking a colleague out for good.

Three counters are kept in the database, so that they hold across workers and restarts:

- the *door*: one name from one address (or from one browser that this person has signed in with
  before). After ``FREE_TRIES`` wrong passwords each further one doubles the wait.
- the *address*: all names from one address, for whoever tries many names.
- the *name*: one name from all addresses, for whoever tries from many.

A browser that the person has used before has a door of its own, to which neither the address's
nor the name's counter applies: an attacker who keeps those full keeps nobody out of their own
browser. Everything expires by itself after ``QUIET_SECONDS``. A try is counted before the
password is checked and taken back when it was right, so that many at once gain nothing.
Names and addresses are kept as keyed hashes only.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.errors import Seconds, TooMany, gettext_noop

QUIET_SECONDS = 900
LONGEST_WAIT_SECONDS = 900
FIRST_WAIT_SECONDS = 15
"""The wait after the first try too many; each further one doubles it."""


class SignInThrottle(models.Model):
    """How often a door, an address or a name was tried in vain, and until when it rests."""

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    last_try = models.DateTimeField(db_index=True)
    rests_until = models.DateTimeField(null=True, default=None)
    told_at = models.DateTimeField(null=True, default=None)

    class Meta:
        app_label = "portal"

    def __str__(self) -> str:
        return f"{self.failures} until {self.rests_until}"


@dataclass(frozen=True)
class Counter:
    """One thing that is counted, and how many tries it has before it must rest."""

    key: str
    free_tries: int


@dataclass(frozen=True)
class Attempt:
    """A try at the sign-in form: a name, from an address, perhaps from a browser known for it."""

    username: str
    address: str
    known_browser: str = ""

    @property
    def network(self) -> str:
        """What counts as one address: of IPv6 the /64, which one household has to itself."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return self.address
        if address.version == 4:
            return str(address)
        return str(ip_network((address, 64), strict=False))

    def counters(self) -> list[Counter]:
        """Return what this try counts against."""
        if self.known_browser:
            return [Counter(_key("browser", self.username, self.known_browser), 5)]
        return [
            Counter(_key("door", self.username, self.network), 5),
            Counter(_key("address", self.network), 50),
            Counter(_key("name", self.username), 50),
        ]

    def taken_back(self) -> list[Counter]:
        """Return what counts the tries that were taken back."""
        if self.known_browser:
            return [Counter(_key("browser taken back", self.username, self.known_browser), 30)]
        return [
            Counter(_key("name taken back", self.username), 30),
            Counter(_key("address taken back", self.network), 600),
        ]


@dataclass(eq=False)
class Throttled(TooMany):
    """Too many wrong passwords.

    ``is_news`` says whether the record should hear of it: once a minute, so that nobody floods it.
    """

    is_news: bool = field(default=False, kw_only=True)


def admit(attempt: Attempt) -> None:
    """Count a try, before its password is looked at. Raises Throttled when it has to wait."""
    now = timezone.now()
    with transaction.atomic():
        rows = _rows(attempt.counters(), now)
        resting = [row for row in rows.values() if row.rests_until and row.rests_until > now]
        if not resting:
            for counter, row in rows.items():
                _count(counter, row, now)
            return
        throttled = _throttled(resting, now)
    raise throttled


def forgive(attempt: Attempt) -> None:
    """Take back a try that let somebody in, the wrong ones before it, and what has expired."""
    now = timezone.now()
    door, *wider = attempt.counters()
    with transaction.atomic():
        held = _locked([door, *wider])
        if door.key in held:
            held.pop(door.key).delete()
        _uncount(held)
    _forget_the_quiet(now)


def take_back(attempt: Attempt) -> None:
    """Take one try back that was no wrong password, although nobody got in by it.

    Nobody could look at it, or the directory knows the person and does not let them in. Only so
    many of a name, from wherever they come, known or not: with the directory away a local person's
    password can still be guessed at, and somebody else of that name may be in the directory.
    """
    now = timezone.now()
    counters = attempt.counters()
    with transaction.atomic():
        for counter, row in _rows(attempt.taken_back(), now).items():
            _count(counter, row, now)
            if row.failures > counter.free_tries:
                return
        _uncount(_locked(counters))


_QUIET = timedelta(seconds=QUIET_SECONDS)
_NEWS = timedelta(seconds=60)


def _rows(counters: Iterable[Counter], now: datetime) -> dict[Counter, SignInThrottle]:
    """Lock the counters' rows, in one order for everybody, and make those not there yet."""
    ordered = sorted(counters, key=lambda counter: counter.key)
    return {counter: _row(counter.key, now) for counter in ordered}


def _row(key: str, now: datetime) -> SignInThrottle:
    rows = SignInThrottle.objects.select_for_update().filter(key=key)
    # Somebody whose password was right may take a row away between the two.
    while not (row := rows.first()):
        new = SignInThrottle(key=key, last_try=now)
        SignInThrottle.objects.bulk_create([new], ignore_conflicts=True)
    return row


def _locked(counters: Iterable[Counter]) -> dict[str, SignInThrottle]:
    """Lock rows in one order for everybody, so that no two tries wait for each other."""
    keys = [counter.key for counter in counters]
    return SignInThrottle.objects.select_for_update().order_by("key").in_bulk(keys)


def _uncount(held: Iterable[str]) -> None:
    """Take one try from each of the rows that are held.

    From no other: one that came to be since then is somebody else's, who may wait for these.
    """
    rows = SignInThrottle.objects.filter(key__in=list(held), failures__gt=0)
    rows.update(failures=models.F("failures") - 1, rests_until=None)


def _forget_the_quiet(now: datetime) -> None:
    """Take away what has expired, but for what somebody else holds at this moment."""
    quiet = models.Q(last_try__lt=now - _QUIET, rests_until=None)
    quiet |= models.Q(rests_until__lt=now - _QUIET)
    with transaction.atomic():
        rows = SignInThrottle.objects.select_for_update(skip_locked=True).filter(quiet)
        keys = list(rows.values_list("key", flat=True)[:_MOST_FORGOTTEN_AT_ONCE])
        SignInThrottle.objects.filter(key__in=keys).delete()


_MOST_FORGOTTEN_AT_ONCE = 500


def _count(counter: Counter, row: SignInThrottle, now: datetime) -> None:
    if row.last_try < now - _QUIET:
        row.failures = 0
    row.failures += 1
    row.last_try = now
    too_many = row.failures - counter.free_tries
    row.rests_until = now + _wait(too_many) if too_many >= 0 else None
    row.save()


def _wait(too_many: int) -> timedelta:
    """15 s after the last free try, twice that after the next, at most ``LONGEST_WAIT_SECONDS``."""
    doublings = min(too_many, 10)
    return timedelta(seconds=min(FIRST_WAIT_SECONDS * 2**doublings, LONGEST_WAIT_SECONDS))


def _throttled(resting: list[SignInThrottle], now: datetime) -> Throttled:
    longest = max(resting, key=lambda row: row.rests_until or now)
    is_news = longest.told_at is None or longest.told_at < now - _NEWS
    if is_news:
        longest.told_at = now
        longest.save()
    wait = math.ceil(((longest.rests_until or now) - now).total_seconds())
    return Throttled(
        log="too many wrong passwords",
        message=gettext_noop("There were too many wrong passwords, so this form rests."),
        next_step=gettext_noop("Try again in %(wait)s."),
        params={"wait": _in_words(wait)},
        retry_after=wait,
        is_news=is_news,
    )


def _in_words(wait: int) -> Seconds:
    """Whole minutes, rounded up, from a minute on: who waits so long is not refused again."""
    return Seconds(wait if wait < 60 else math.ceil(wait / 60) * 60)


def _key(*parts: str) -> str:
    digest = salted_hmac("portal.signin.throttle", "\0".join(parts), algorithm="sha256")
    return digest.hexdigest()
