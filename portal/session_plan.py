"""From a role, a grant and a wish to what is asked of AWS: never more than each of them allows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from accounts.aws_rules import limits, names
from accounts.entitlements import Entitlement
from accounts.errors import InvalidRequest, LimitExceeded, Seconds, gettext_noop
from accounts.models import CredentialSource, Method, Role, User
from accounts.role_rules import BETWEEN_GROUPS
from portal.aws import plan as aws
from portal.aws.plan import SessionPlan, SourceSettings
from portal.errors import ConfigurationProblem


@dataclass(frozen=True)
class Lengths:
    """How long a session will be and might be, in seconds.

    ``credentials`` is what STS is asked for; ``console`` the console session's own length
    (``SessionDuration``), or None where it lasts as long as the credentials. ``longest`` is the
    most the person may choose of what they are choosing, ``usual`` what the role gives by itself.
    """

    credentials: int
    console: int | None
    longest: int
    usual: int

    @property
    def session(self) -> int:
        """The length that the person is told."""
        return self.console or self.credentials

    @property
    def is_shortened(self) -> bool:
        """Whether the grant's end or the broker's credentials cut the usual length."""
        return self.longest < self.usual


@dataclass(frozen=True)
class _Limit:
    seconds: int
    why: str


_BY_ROLE = gettext_noop("%(role)s allows %(most)s at most.")
_BY_METHOD = gettext_noop("AWS allows %(most)s at most.")
_BY_GRANT = gettext_noop("Your grant for %(role)s ends in %(most)s.")
_BY_CHAIN = gettext_noop(
    "The portal enters AWS with a role of its own, so AWS allows %(most)s at most."
)


def read_seconds(text: str) -> int | None:
    """Read a wished length; empty means none. Raises InvalidRequest for what is no number.

    A number of more than 12 digits is read as one of 13: no limit is so high.
    """
    if not text:
        return None
    if not re.fullmatch(r"[0-9]+", text):
        raise InvalidRequest(
            log="seconds is no whole number",
            message=gettext_noop("The session length is not a whole number of seconds."),
            next_step=gettext_noop("Write it like 3600, or leave it out."),
        )
    return int(text.lstrip("0")[:13] or "0")


def decide_lengths(
    entitlement: Entitlement,
    now: datetime,
    *,
    is_chained: bool,
    for_console: bool,
    wish: int | None,
) -> Lengths:
    """Decide the lengths; a default is shortened silently, a wish beyond a limit is refused.

    Raises LimitExceeded for a wish over what role, grant, method or broker allow, and under
    AWS's minimum of 900 s.
    """
    role = entitlement.role
    outside = _outside_limits(entitlement, now, is_chained)
    credentials = [_Limit(role.longest_seconds, _BY_ROLE), *outside]
    usual = min(role.session_seconds, _lowest(credentials).seconds)
    if for_console and role.console_seconds and _takes_session_duration(role, is_chained):
        console = [_Limit(role.console_seconds, _BY_ROLE), *outside]
        longest = _lowest(console).seconds
        _check(wish, console, role)
        return Lengths(usual, wish or longest, longest, role.console_seconds)
    _check(wish, credentials, role)
    longest = _lowest(credentials).seconds
    return Lengths(wish or usual, None, longest, role.session_seconds)


def _takes_session_duration(role: Role, is_chained: bool) -> bool:
    """AWS refuses SessionDuration for federation tokens and chained credentials (IAM User Guide,
    "Enable custom identity broker access to the AWS console")."""
    return role.method == Method.ASSUME_ROLE and not is_chained


def _outside_limits(entitlement: Entitlement, now: datetime, is_chained: bool) -> list[_Limit]:
    method = entitlement.role.method
    found = [_Limit(limits.METHOD_LIMITS[method].seconds_max, _BY_METHOD)]
    if is_chained and method == Method.ASSUME_ROLE:
        found.append(_Limit(limits.CHAINED_SECONDS_MAX, _BY_CHAIN))
    if entitlement.ends is not None:
        left = int((entitlement.ends - now).total_seconds())
        found.append(_Limit(max(left, limits.SECONDS_MIN), _BY_GRANT))
    return found


def _lowest(found: list[_Limit]) -> _Limit:
    return min(found, key=lambda limit: limit.seconds)


def _check(wish: int | None, found: list[_Limit], role: Role) -> None:
    if wish is None:
        return
    lowest = _lowest(found)
    if wish > lowest.seconds:
        raise LimitExceeded(
            log=f"{wish} s wished, {lowest.seconds} s allowed",
            message=lowest.why,
            next_step=gettext_noop("Choose a shorter session."),
            params={"role": role.shown_title, "most": Seconds(lowest.seconds)},
        )
    if wish < limits.SECONDS_MIN:
        raise LimitExceeded(
            log=f"{wish} s wished, under AWS's minimum",
            message=gettext_noop("AWS gives no session under %(least)s."),
            next_step=gettext_noop("Choose a longer session."),
            params={"least": Seconds(limits.SECONDS_MIN)},
        )


def plan_session(user: User, entitlement: Entitlement, lengths: Lengths) -> SessionPlan:
    """Put together what is asked of AWS for a user: names and tags are the server's idea of them.

    Raises ConfigurationProblem when a session tag gets a value that AWS would not take, or that
    could be other groups' too.
    """
    role = entitlement.role
    is_federation = role.method == Method.FEDERATION_TOKEN
    return SessionPlan(
        method=cast(aws.Method, role.method),
        partition=role.account.partition,
        account_id=role.account_id,
        role_arn=""
        if is_federation
        else limits.role_arn(role.account.partition, role.account_id, role.name),
        session_name=session_name(user, role),
        duration_seconds=lengths.credentials,
        console_seconds=lengths.console,
        source=source_settings(role.source),
        source_identity=source_identity(user, role),
        external_id=role.external_id,
        session_policy=role.session_policy,
        policy_arns=tuple(role.policy_arns),
        session_tags=_session_tags(user, entitlement),
    )


def source_settings(source: CredentialSource) -> SourceSettings:
    """Return a credential source as the boundary to AWS knows it."""
    return SourceSettings(source.name, source.profile)


def session_name(user: User, role: Role) -> str:
    """Return the name under which AWS will know the user's session."""
    if role.method == Method.FEDERATION_TOKEN:
        return names.federation_token_name(user.username)
    return names.role_session_name(user.username)


def source_identity(user: User, role: Role) -> str:
    """Return the source identity that AWS will be told; empty where the role does not set it."""
    return names.source_identity(user.username) if role.set_source_identity else ""


_PLACE = re.compile(r"\{(username|email|groups)\}")


def _session_tags(user: User, entitlement: Entitlement) -> dict[str, str]:
    values = {
        "username": user.username,
        "email": user.email,
        "groups": BETWEEN_GROUPS.join(entitlement.group_names),
    }
    templates: Mapping[str, str] = entitlement.role.session_tags
    for key, template in templates.items():
        if "{groups}" in template:
            _require_groups_told_apart(key, entitlement)
    filled = {
        key: _PLACE.sub(lambda place: values[place[1]], template)
        for key, template in templates.items()
    }
    for key, value in filled.items():
        _require_tag(key, value, entitlement.role)
    return filled


def _require_groups_told_apart(key: str, entitlement: Entitlement) -> None:
    ambiguous = next((name for name in entitlement.group_names if BETWEEN_GROUPS in name), None)
    if ambiguous is None:
        return
    role = entitlement.role
    raise ConfigurationProblem(
        log=f"session tag {key!r} of role {role.name!r}: a colon in the group {ambiguous!r}",
        message=gettext_noop(
            "The session tag %(tag)s of %(role)s cannot say clearly which groups you are in."
        ),
        next_step=gettext_noop("Tell an administrator, with the reference number below."),
        params={"tag": key, "role": role.shown_title, "group": ambiguous},
        code="SessionTag",
        hint=gettext_noop(
            "The user is in the group %(group)s, and where {groups} joins names with colons it "
            "could be taken for two groups: use a group without a colon in its name, or take "
            "{groups} out of the role’s session tags."
        ),
    )


def _require_tag(key: str, value: str, role: Role) -> None:
    problem = limits.problem_with_tag(key, value)
    if problem is None:
        return
    raise ConfigurationProblem(
        log=f"session tag {key!r} of role {role.name!r}: {problem}",
        message=gettext_noop("AWS would not take the session tag %(tag)s of %(role)s for you."),
        next_step=gettext_noop("Tell an administrator, with the reference number below."),
        params={"tag": key, "role": role.shown_title},
        code="SessionTag",
        hint=gettext_noop(
            "A tag value has at most 256 letters, digits, spaces and _.:/=+-@: look at the "
            "user’s name, e-mail address and groups, and at the role’s session tags."
        ),
    )
