"""The use case "try this role": the real calls of a launch, for the administrator who looks at it.

AWS is asked for the shortest session there is (900 s), in the administrator's own name; whatever it
gives is thrown away, and nothing is handed out. Where people may choose more than an hour, AWS is
asked once more for the longest, because only so it says whether it would give that.

AWS's AccessDenied names no cause. So the same is asked once more with less in it: what goes through
without the source identity or the tags was refused for their sake. Every call counts against the
one budget and stands in the row.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from accounts import record
from accounts.aws_rules import limits, method_advice
from accounts.aws_rules.policies import Principal, principal_of
from accounts.entitlements import Entitlement
from accounts.errors import PortalError
from accounts.models import Action, CredentialSource, Grant, Method, Outcome, Role
from accounts.record import Act
from portal.aws import causes, federation, methods, refusals
from portal.aws.budget import Budget
from portal.aws.causes import Remedy
from portal.aws.identity import Identity
from portal.aws.plan import SessionPlan, SourceSettings, TemporaryCredentials
from portal.bulkhead import bulkhead
from portal.errors import Overloaded, UpstreamError
from portal.launch import (
    Visitor,
    is_chained,
    open_in_turn,
    person_of,
    sources,
    told,
    too_many_wait,
    transport,
)
from portal.session_plan import (
    Lengths,
    plan_session,
    session_name,
    source_identity,
    source_settings,
)
from portal.signin.refresh import require_let_in

LEAST_MAXIMUM_SECONDS = 3_600
"""Every IAM role gives an hour, whatever its maximum."""

_PARTS = ("source_identity", "session_tags")
_CAUSES = {"source_identity": refusals.SOURCE_IDENTITY, "session_tags": refusals.TAGS}
_MOST_SOURCES = 10
_SECONDS_FOR_A_PAGE = 1.0


@dataclass(frozen=True)
class Call:
    """One call as the record keeps it: what was asked, what was left out, what AWS said."""

    asked: str
    seconds: int
    answer: str
    without: tuple[str, ...] = ()
    access_key_id: str = ""


@dataclass(frozen=True)
class Finding:
    """Why AWS, or the portal before it, said no.

    ``causes`` are message ids, the likeliest first; narrower calls proved those that are
    ``proven``. ``fitting_sources`` are those whose own account is the role's, where the source is
    what is wrong.
    """

    error: UpstreamError
    causes: tuple[str, ...]
    proven: tuple[str, ...]
    remedy: Remedy
    fitting_sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """How a try ended. Without a ``finding`` the role can be entered.

    Seconds: ``asked`` is the longest session that AWS was asked for, ``longest`` the most that a
    person may choose, which is more where AWS's rule alone allows it.
    """

    role: Role
    principal: Principal
    calls: tuple[Call, ...]
    asked: int
    longest: int
    finding: Finding | None


@dataclass
class _Going:
    """What is learnt while a try runs."""

    budget: Budget
    calls: list[Call] = field(default_factory=list)
    identity: Identity | None = None
    asked: int = limits.SECONDS_MIN
    longest: int = limits.SECONDS_MIN
    finding: Finding | None = None


def try_role(visitor: Visitor, role: Role) -> Trial:
    """Ask AWS for a session of that role and throw it away. Whether they may, the caller knows.

    Raises NotLetIn, DirectoryUnavailable, TooMany, Overloaded, RecordUnavailable; what AWS says no
    with is the trial's finding.
    """
    act = _act(visitor, role)
    with _refusals_recorded(act):
        require_let_in(visitor.user)
        bulkhead().require_room(role.account.partition, too_many_wait, person_of(act))
    going = _Going(Budget(settings.PORTAL_UPSTREAM_TIMEOUT_SECONDS))
    source = source_settings(role.source)
    with _recorded(act, going), _place(act, role):
        try:
            _ask(visitor, role, source, going)
        except Overloaded:
            raise
        except UpstreamError as error:
            going.finding = going.finding or _finding(error)
        if going.finding:
            going.finding = _with_fitting_sources(going.finding, role, going.budget)
    return Trial(
        role=role,
        principal=_principal(going.identity, role.account.partition),
        calls=tuple(going.calls),
        asked=going.asked,
        longest=going.longest,
        finding=going.finding,
    )


# --- what the role's page knows ----------------------------------------------------------------


def look_up(source: CredentialSource | None, partition: str) -> None:
    """Learn who a source is, if AWS can say so at once: nobody's page waits for it.

    Never while something is changed, which others wait for.
    """
    if source is None:
        return
    wanted = source_settings(source)
    if sources().identity(wanted) is None and sources().is_at_hand(wanted):
        with suppress(UpstreamError):
            sources().find_identity(wanted, partition, Budget(_SECONDS_FOR_A_PAGE))


def known_principal(source: CredentialSource | None, partition: str) -> Principal:
    """Return the portal's identity as a policy names it, as far as it is known at this moment."""
    return _principal(_identity_in(source, partition), partition)


def known_partition(source: CredentialSource | None) -> str:
    """Return the partition of a source's credentials, empty where it is not known."""
    return sources().partition(source_settings(source)) if source else ""


def known_broker(source: CredentialSource | None, partition: str) -> method_advice.Broker | None:
    """Return what the portal's own credentials are in a partition, as far as it is known."""
    found = _identity_in(source, partition)
    if source is None or found is None:
        return None
    wanted = source_settings(source)
    return method_advice.Broker(found.account_id, sources().has_temporary(wanted), found.chained)


def _identity_in(source: CredentialSource | None, partition: str) -> Identity | None:
    found = sources().identity(source_settings(source)) if source else None
    return found if found and found.partition == partition else None


def _principal(identity: Identity | None, partition: str) -> Principal:
    return principal_of(identity.arn if identity else "", partition)


# --- the calls -------------------------------------------------------------------------------


def _ask(visitor: Visitor, role: Role, source: SourceSettings, going: _Going) -> None:
    """Make the calls of a launch, shortest first. Raises UpstreamError where one is refused."""
    going.identity = sources().identity(source)
    if going.identity is None:
        going.identity = sources().find_identity(source, role.account.partition, going.budget)
    chained = is_chained(source, going.budget)
    plan = _plan(visitor, role, is_chained=chained)
    methods.require_fitting_source(plan, sources())
    try:
        given = _fetch(plan, going)
    except UpstreamError as error:
        going.finding = _narrowed(plan, error, going) or _finding(error)
        return
    _sign_in(plan, given, going)
    going.longest = _longest(role, is_chained=chained)
    if role.method == Method.ASSUME_ROLE and going.longest > LEAST_MAXIMUM_SECONDS:
        going.asked = going.longest
        _fetch(replace(plan, duration_seconds=going.asked), going)


def _plan(visitor: Visitor, role: Role, *, is_chained: bool) -> SessionPlan:
    names = visitor.user.memberships.order_by("group__name").values_list("group__name", flat=True)
    has_own_length = role.console_seconds and role.method == Method.ASSUME_ROLE and not is_chained
    shortest = limits.SECONDS_MIN
    lengths = Lengths(shortest, shortest if has_own_length else None, shortest, shortest)
    return plan_session(visitor.user, Entitlement(role, Grant(), tuple(names)), lengths)


def _longest(role: Role, *, is_chained: bool) -> int:
    """The longest life of credentials that a person may choose."""
    longest = min(role.longest_seconds, limits.METHOD_LIMITS[role.method].seconds_max)
    if is_chained and role.method == Method.ASSUME_ROLE:
        return min(longest, limits.CHAINED_SECONDS_MAX)
    return longest


def _fetch(plan: SessionPlan, going: _Going, without: tuple[str, ...] = ()) -> TemporaryCredentials:
    asked = Method(plan.method).operation
    try:
        given = methods.fetch(plan, sources(), going.budget)
    except UpstreamError as error:
        going.calls.append(Call(asked, plan.duration_seconds, error.code, without))
        raise
    key = given.access_key_id
    going.calls.append(Call(asked, plan.duration_seconds, "succeeded", without, key))
    return given


def _sign_in(plan: SessionPlan, given: TemporaryCredentials, going: _Going) -> None:
    """Turn credentials into a sign-in token, which is thrown away like them."""
    endpoint = federation.endpoint(plan.partition, settings.PORTAL_FEDERATION_URL)
    try:
        federation.sign_in_token(given, plan.console_seconds, endpoint, transport(), going.budget)
    except UpstreamError as error:
        going.calls.append(Call("getSigninToken", limits.SECONDS_MIN, error.code))
        raise
    going.calls.append(Call("getSigninToken", limits.SECONDS_MIN, "succeeded"))


# --- finding the cause -----------------------------------------------------------------------


def _narrowed(plan: SessionPlan, error: UpstreamError, going: _Going) -> Finding | None:
    """Ask with less in it, where AWS does not say why; None where that tells nothing."""
    parts = tuple(part for part in _PARTS if getattr(plan, part))
    if error.code not in refusals.DENIED or not parts:
        return None
    try:
        return _without_parts(plan, parts, error, going)
    except UpstreamError:
        return None


def _without_parts(
    plan: SessionPlan, parts: tuple[str, ...], error: UpstreamError, going: _Going
) -> Finding:
    if not _goes_through(plan, parts, going):
        innocent = {_cause(plan, part) for part in parts}
        first = [cause for cause in error.hint.splitlines() if cause not in innocent]
        return _finding(error, tuple(first))
    guilty = parts if len(parts) == 1 else tuple(_guilty(plan, parts, going))
    suspected = tuple(_cause(plan, part) for part in guilty or parts)
    return _finding(error, suspected, proven=suspected if guilty else ())


def _guilty(plan: SessionPlan, parts: tuple[str, ...], going: _Going) -> Iterator[str]:
    """Each part with which alone it does not go through."""
    for part in parts:
        if not _goes_through(plan, tuple(p for p in parts if p != part), going):
            yield part


def _goes_through(plan: SessionPlan, without: tuple[str, ...], going: _Going) -> bool:
    """Whether AWS gives the session when these parts are left out.

    Raises UpstreamError where it says something else than yes or AccessDenied.
    """
    left_out: dict[str, Any] = {"source_identity": "", "session_tags": {}}
    narrower = replace(plan, **{part: left_out[part] for part in without})
    try:
        _fetch(narrower, going, without)
    except UpstreamError as error:
        if error.code in refusals.DENIED:
            return False
        raise
    return True


def _cause(plan: SessionPlan, part: str) -> str:
    return _CAUSES[part] if plan.method == "assume_role" else refusals.FEDERATION_TAGS


def _finding(
    error: UpstreamError,
    first: tuple[str, ...] = (),
    *,
    proven: tuple[str, ...] = (),
) -> Finding:
    ordered = tuple(dict.fromkeys((*first, *error.hint.splitlines())))
    where = causes.remedy(error.code, proven or ordered[:1])
    return Finding(error, ordered, proven, where)


def _with_fitting_sources(finding: Finding, role: Role, budget: Budget) -> Finding:
    """Name the sources that would do, where the source is what is wrong."""
    if "source" not in finding.remedy.keys:
        return finding
    others: QuerySet[CredentialSource] = CredentialSource.objects.exclude(pk=role.source_id)
    fitting = [
        other.name
        for other in others.order_by("name")[:_MOST_SOURCES]
        if _fits(other, role, budget)
    ]
    return replace(finding, fitting_sources=tuple(fitting))


def _fits(source: CredentialSource, role: Role, budget: Budget) -> bool:
    wanted = source_settings(source)
    try:
        found = sources().identity(wanted)
        if found is None:
            found = sources().find_identity(wanted, role.account.partition, budget)
    except UpstreamError:
        return False
    if found.partition != role.account.partition:
        return False
    if role.method == Method.FEDERATION_TOKEN:
        is_own = found.account_id == role.account_id
        return is_own and not sources().has_temporary(wanted)
    return True


# --- the record ------------------------------------------------------------------------------


def _act(visitor: Visitor, role: Role) -> Act:
    act = Act(
        action=Action.ADMIN_CHANGE,
        actor=visitor.user.username,
        actor_key=visitor.user.record_key,
        session_name=session_name(visitor.user, role),
        source_identity=source_identity(visitor.user, role),
        duration_seconds=limits.SECONDS_MIN,
        ip=visitor.ip,
        user_agent=visitor.user_agent,
        request_id=visitor.request_id,
        details={"change": "try", "kind": "role", "name": str(role)},
    )
    return record.about(act, role)


@contextmanager
def _place(act: Act, role: Role) -> Iterator[None]:
    partition = role.account.partition
    with bulkhead().entered(partition, too_many_wait, person_of(act)):
        yield


@contextmanager
def _refusals_recorded(act: Act) -> Iterator[None]:
    try:
        yield
    except PortalError as error:
        record.write_refusal(told(act, error), record.outcome_of(error), error.recorded_as)
        raise


@contextmanager
def _recorded(act: Act, going: _Going) -> Iterator[None]:
    """Open the act before AWS is asked and close it with what was found, whatever happens."""
    open_in_turn(act)
    try:
        yield
    except PortalError as error:
        ended = told(_ended(act, going), error)
        record.close_act(ended, record.outcome_of(error), error.recorded_as)
        raise
    except BaseException as error:
        record.close_act(_ended(act, going), Outcome.FAILED, type(error).__name__)
        raise
    if going.finding is None:
        record.close_act(_ended(act, going), Outcome.SUCCEEDED)
        return
    found = going.finding.error
    record.close_act(told(_ended(act, going), found), record.outcome_of(found), found.recorded_as)


def _ended(act: Act, going: _Going) -> Act:
    calls = [{name: value for name, value in vars(call).items() if value} for call in going.calls]
    details = {**act.details, "calls": calls}
    if going.finding and going.finding.proven:
        in_words = going.finding.error.in_plain_words
        details["cause"] = " ".join(map(in_words, going.finding.proven))
    given = next((call.access_key_id for call in going.calls if call.access_key_id), "")
    return replace(act, access_key_id=given, details=details)
