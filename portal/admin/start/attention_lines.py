"""What needs attention, in words: one sentence, the first examples, and where to go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from accounts.administration.attention import Example, Finding, Kind
from accounts.models import ANY_ROLE, DirectoryState, Origin
from accounts.record import UNKNOWN_NAME
from portal.pages.wording import dated, moment_words


@dataclass(frozen=True)
class AttentionLine:
    """One thing on the start page; ``state`` is ``danger``, ``warn`` or nothing."""

    icon: str
    state: str
    sentence: str
    detail: str
    url: str
    action: str

    @classmethod
    def of(cls, finding: Finding, now: datetime) -> Self:
        """Put a finding into words."""
        look = _LOOKS[finding.kind]
        return cls(
            icon=look.icon,
            state=look.state,
            sentence=look.sentence(finding),
            detail=_detail(finding, look.example),
            url=look.url(finding, now),
            action=look.action(),
        )


@dataclass(frozen=True)
class _Look:
    icon: str
    state: str
    sentence: Callable[[Finding], str]
    example: Callable[[Example], str]
    url: Callable[[Finding, datetime], str]
    action: Callable[[], str]


def _number(finding: Finding) -> str:
    is_least = finding.is_more or finding.looked_at
    return f"{finding.number}+" if is_least else str(finding.number)


def _detail(finding: Finding, words: Callable[[Example], str]) -> str:
    told = [words(example) for example in finding.examples]
    if finding.kind == Kind.BY_HAND:
        told += [_left(finding.left)] if finding.left else []
        return "; ".join(told)
    more = finding.number - len(finding.examples)
    if finding.is_more:
        told.append(gettext("and more"))
    elif more > 0:
        told.append(ngettext("one more", "%(number)d more", more) % {"number": more})
    if finding.looked_at:
        only = gettext("only the oldest %(number)d were looked at")
        told.append(only % {"number": finding.looked_at})
    return "; ".join(told)


# --- roles, sign-ins -------------------------------------------------------------------------


def _failing_sentence(finding: Finding) -> str:
    return ngettext(
        "%(number)s role does not open", "%(number)s roles do not open", finding.number
    ) % {"number": _number(finding)}


def _failing_example(example: Example) -> str:
    words = {"role": example.what, "account": example.where, "error": example.why}
    return gettext("%(role)s in %(account)s: %(error)s") % words


def _sign_ins_sentence(finding: Finding) -> str:
    return ngettext(
        "%(number)s name or address failed to sign in many times within 24 hours",
        "%(number)s names or addresses failed to sign in many times within 24 hours",
        finding.number,
    ) % {"number": _number(finding)}


def _sign_ins_example(example: Example) -> str:
    is_unknown = example.what.startswith(UNKNOWN_NAME)
    name = gettext("a name that nobody has") if is_unknown else example.what
    return gettext("%(name)s, %(times)d times") % {"name": name, "times": example.times}


def _sign_ins_url(finding: Finding, now: datetime) -> str:
    query = {"action": "sign-in", "what": "trouble", "from": _day(now - timedelta(days=1))}
    return _record(query)


# --- people, groups --------------------------------------------------------------------------


def _off_sentence(finding: Finding) -> str:
    return ngettext(
        "%(number)s person is switched off and has grants",
        "%(number)s people are switched off and have grants",
        finding.number,
    ) % {"number": _number(finding)}


def _gone_sentence(finding: Finding) -> str:
    return ngettext(
        "%(number)s person has grants, and the directory lets them in no more",
        "%(number)s people have grants, and the directory lets them in no more",
        finding.number,
    ) % {"number": _number(finding)}


def _gone_example(example: Example) -> str:
    state = str(dict(DirectoryState.choices).get(example.why, example.why))
    return gettext("%(name)s: %(state)s") % {"name": example.what, "state": state}


def _waiting_sentence(finding: Finding) -> str:
    return ngettext(
        "%(number)s person has grants and never signed in",
        "%(number)s people have grants and never signed in",
        finding.number,
    ) % {"number": _number(finding)}


def _waiting_example(example: Example) -> str:
    if example.moment is None:
        return example.what
    words = {"name": example.what, "day": _short_day(example.moment)}
    return gettext("%(name)s, named on %(day)s") % words


def _empty_sentence(finding: Finding) -> str:
    return ngettext(
        "%(number)s group is named, and nobody is in it",
        "%(number)s groups are named, and nobody is in them",
        finding.number,
    ) % {"number": _number(finding)}


def _empty_example(example: Example) -> str:
    origin = str(dict(Origin.choices).get(example.why, example.why))
    return gettext("%(name)s (%(origin)s)") % {"name": example.what, "origin": origin}


def _just_the_name(example: Example) -> str:
    return example.what


# --- grants ----------------------------------------------------------------------------------


def _ending_sentence(finding: Finding) -> str:
    return ngettext(
        "%(number)s grant ends within 7 days", "%(number)s grants end within 7 days", finding.number
    ) % {"number": _number(finding)}


def _ending_example(example: Example) -> str:
    if example.moment is None:
        return _grant_example(example)
    words = {"grant": _grant_example(example), "day": _short_day(example.moment)}
    return gettext("%(grant)s, %(day)s") % words


def _unused_sentence(finding: Finding) -> str:
    return ngettext(
        "%(number)s grant was used by nobody for 90 days",
        "%(number)s grants were used by nobody for 90 days",
        finding.number,
    ) % {"number": _number(finding)}


def _grant_example(example: Example) -> str:
    role = gettext("Any role") if example.role == ANY_ROLE else example.role.rsplit("/", 1)[-1]
    where = example.where or gettext("any account")
    words = {"role": role, "account": where, "name": example.what}
    return gettext("%(role)s in %(account)s for %(name)s") % words


# --- the access file -------------------------------------------------------------------------


def _by_hand_sentence(finding: Finding) -> str:
    if not finding.number:
        return _left(finding.left)
    return ngettext(
        "%(number)s change by hand since the access file was applied",
        "%(number)s changes by hand since the access file was applied",
        finding.number,
    ) % {"number": _number(finding)}


def _by_hand_example(example: Example) -> str:
    moment = moment_words(example.moment) if example.moment else ""
    words = {"file": example.what, "hash": example.why, "moment": moment}
    return gettext("%(file)s (sha256 %(hash)s…) was last applied: %(moment)s") % words


def _left(number: int) -> str:
    return ngettext(
        "%(number)d thing is no longer in the access file and still here",
        "%(number)d things are no longer in the access file and still here",
        number,
    ) % {"number": number}


def _by_hand_url(finding: Finding, now: datetime) -> str:
    applied = finding.examples[0].moment or now
    return _record({"action": "admin-change", "outcome": "succeeded", "from": _day(applied)})


# --- all -------------------------------------------------------------------------------------


def _record(query: Mapping[str, str]) -> str:
    return f"{reverse('admin:accounts_entry_changelist')}?{urlencode(query)}"


def _list_of(model: str, **query: str) -> Callable[[Finding, datetime], str]:
    def url(_finding: Finding, _now: datetime) -> str:
        path = reverse(f"admin:accounts_{model}_changelist")
        return f"{path}?{urlencode(query)}" if query else path

    return url


def _day(moment: datetime) -> str:
    return timezone.localtime(moment).date().isoformat()


def _short_day(moment: datetime) -> str:
    return dated(moment, "j M")


def _see_who() -> str:
    return gettext("See who")


def _review() -> str:
    return gettext("Review")


def _see() -> str:
    return gettext("See them")


_LOOKS: Mapping[Kind, _Look] = {
    Kind.FAILING: _Look(
        "refused",
        "danger",
        _failing_sentence,
        _failing_example,
        _list_of("role", launches="failing"),
        _see,
    ),
    Kind.SIGN_INS: _Look(
        "lock", "danger", _sign_ins_sentence, _sign_ins_example, _sign_ins_url, _see
    ),
    Kind.OFF: _Look(
        "user",
        "warn",
        _off_sentence,
        _just_the_name,
        _list_of("user", matter="off"),
        _see_who,
    ),
    Kind.GONE: _Look(
        "user",
        "warn",
        _gone_sentence,
        _gone_example,
        _list_of("user", matter="gone"),
        _see_who,
    ),
    Kind.ENDING: _Look(
        "calendar",
        "warn",
        _ending_sentence,
        _ending_example,
        _list_of("grant", state="ends-7"),
        _review,
    ),
    Kind.WAITING: _Look(
        "user",
        "",
        _waiting_sentence,
        _waiting_example,
        _list_of("user", matter="waiting"),
        _see_who,
    ),
    Kind.EMPTY: _Look(
        "group", "", _empty_sentence, _empty_example, _list_of("group", members="missing"), _see
    ),
    Kind.BY_HAND: _Look("edit", "", _by_hand_sentence, _by_hand_example, _by_hand_url, _see),
    Kind.UNUSED: _Look(
        "ticket", "", _unused_sentence, _grant_example, _list_of("grant", use="unused"), _review
    ),
}
