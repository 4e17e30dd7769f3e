"""What an administrator types of a grant, line by line: names of people, of groups, of roles.

A role is ``account/role``: an alias, twelve digits, ``*`` for every account or ``{team=payments}``
for those that carry the tag; then the role's name with its path, or ``*`` for every role. The
access file's rules hold for every name.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.access_file.specs import ANY_ACCOUNT, Pairs, sorted_pairs
from accounts.administration.naming import account_text
from accounts.aws_rules import limits
from accounts.grant_pattern import Pattern
from accounts.lines import problem_with_line
from accounts.models import ANY_ROLE, Account, Role, check_username, normal_username
from accounts.role_rules import LONGEST_ROLE, problem_with_pair

MOST_LINES = 100
_BY_TAGS = re.compile(r"\{(?P<tags>.*)\}/(?P<role>.*)", re.DOTALL)


def read_names(text: str, check: Callable[[str], None] = check_username) -> tuple[str, ...]:
    """Return the names of people or groups, one a line, each once, in their normal form.

    Raises ValidationError with one message a line that will not do by ``check``.
    """
    names: dict[str, None] = {}
    problems: list[str] = []
    for line in _lines(text):
        name = normal_username(line)
        try:
            check(name)
        except ValidationError:
            problems.append(_("“%(line)s” cannot be a name.") % {"line": line[:100]})
        names[name] = None
    if problems:
        raise ValidationError(problems)
    return tuple(names)


def read_patterns(text: str) -> tuple[Pattern, ...]:
    """Return which roles are meant, one a line, each once, accounts by their id.

    Raises ValidationError with one message a line that will not do or leads nowhere.
    """
    typed: dict[_Typed, str] = {}
    problems: list[str] = []
    for line in _lines(text):
        try:
            typed.setdefault(_typed(line), line)
        except ValueError as error:
            problems.append(f"“{line[:100]}”: {error}")
    found = {} if problems else _looked_up(typed, problems)
    if problems:
        raise ValidationError(problems)
    return tuple(dict.fromkeys(found.values()))


@dataclass(frozen=True)
class _Typed:
    account: str
    tags: Pairs
    role_name: str


def _lines(text: str) -> Iterator[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_LINES:
        raise ValidationError(_("At most %(most)d lines at once.") % {"most": MOST_LINES})
    yield from lines


def _typed(line: str) -> _Typed:
    by_tags = _BY_TAGS.fullmatch(line)
    if by_tags:
        return _Typed("", _tags(by_tags["tags"]), _role_name(by_tags["role"]))
    account, slash, role_name = line.partition("/")
    if not slash or not account.strip():
        raise ValueError(_("an account, a slash and a role are needed, such as payments/Developer"))
    return _Typed(account_text(account), (), _role_name(role_name))


def _role_name(text: str) -> str:
    name = text.strip()
    if not name:
        raise ValueError(_("the role after the slash is missing; * means every role"))
    if problem_with_line(name, LONGEST_ROLE):
        raise ValueError(_("this cannot be a role’s name"))
    return name


def _tags(text: str) -> Pairs:
    pairs: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        key, mark, value = part.partition("=" if "=" in part else ":")
        key, value = key.strip(), value.strip()
        if not (key and mark):
            raise ValueError(_("tags look like {team=payments}"))
        if problem_with_pair(key, value):
            raise ValueError(_("this cannot be a tag"))
        pairs[key] = value
    if not pairs:
        raise ValueError(_("tags look like {team=payments}"))
    if problem := limits.problem_with_number_of_tags(len(pairs)):
        raise ValueError(_(problem.message) % problem.params)
    return sorted_pairs(pairs)


def _looked_up(typed: Mapping[_Typed, str], problems: list[str]) -> dict[_Typed, Pattern]:
    """Turn aliases into ids; two queries, however many lines there are."""
    named = {each.account for each in typed if each.account not in ("", ANY_ACCOUNT)}
    accounts = _account_ids(named)
    ids = set(accounts.values())
    roles = _roles_of(ids, {each.role_name for each in typed})
    found: dict[_Typed, Pattern] = {}
    for each, line in typed.items():
        account_id = accounts.get(each.account, "")
        if each.account in named and not account_id:
            problems.append(_("“%(line)s”: there is no such account.") % {"line": line[:100]})
        elif (
            account_id and each.role_name != ANY_ROLE and (account_id, each.role_name) not in roles
        ):
            problems.append(_("“%(line)s”: the account has no such role.") % {"line": line[:100]})
        else:
            found[each] = Pattern(account_id, each.tags, each.role_name)
    return found


def _account_ids(names: Iterable[str]) -> dict[str, str]:
    """Find accounts by alias or id; an alias is never twelve digits."""
    wanted = [name for name in names if "\0" not in name]
    rows = Account.objects.filter(alias__in=wanted) | Account.objects.filter(account_id__in=wanted)
    found: dict[str, str] = {}
    for account_id, alias in rows.values_list("account_id", "alias"):
        found[account_id] = account_id
        if alias:
            found[alias] = account_id
    return found


def _roles_of(account_ids: Iterable[str], names: Iterable[str]) -> set[tuple[str, str]]:
    rows = Role.objects.filter(account_id__in=account_ids, name__in=names)
    return set(rows.values_list("account_id", "name"))
