"""The two use cases: open a console, issue credentials.

Each reads like the specification: is it theirs, may it be now, what exactly is asked of AWS; the
row that must stand first; AWS; the row that says how it ended.
"""

import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import record
from accounts.aws_rules.destinations import Destination, normal_place, parse_destination
from accounts.entitlements import Entitlement, require_entry
from accounts.errors import (
    InvalidRequest,
    LimitExceeded,
    NotNow,
    PortalError,
    TooMany,
    gettext_noop,
)
from accounts.models import Action, Outcome, Role, User
from accounts.record import Act, RateLimit
from portal.aws import federation, methods
from portal.aws.budget import Budget
from portal.aws.plan import SessionPlan, SourceSettings, TemporaryCredentials
from portal.aws.sources import Sources
from portal.aws.transport import Transport
from portal.bulkhead import Person, bulkhead
from portal.errors import Overloaded, UpstreamError
from portal.session_plan import Lengths, decide_lengths, plan_session, read_seconds, source_settings
from portal.signin.refresh import require_let_in


@dataclass(frozen=True)
class Visitor:
    """Who asks, from where: what the record keeps beside the act itself."""

    user: User
    ip: str
    user_agent: str
    request_id: str


@dataclass(frozen=True)
class Wish:
    """What somebody asked for, as they wrote it: nothing of it has been believed yet."""

    account: str
    role: str
    to: str = ""
    region: str = ""
    seconds: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Launch:
    """A launch that may be: everything decided, nothing asked of AWS.

    ``budget`` is the time that all its calls to AWS may take together; it runs already.
    """

    act: Act
    entitlement: Entitlement
    plan: SessionPlan
    lengths: Lengths
    destination: Destination
    budget: Budget

    @property
    def role(self) -> Role:
        """The role to be entered."""
        return self.entitlement.role

    @property
    def reason_is_missing(self) -> bool:
        """Whether the role asks for a reason and none was given."""
        return self.role.require_reason and not self.act.reason


@dataclass(frozen=True)
class LoginUrl:
    """Where the browser goes: a secret for 15 minutes, so it never shows in ``repr``."""

    url: str = field(repr=False)


def prepare_console(visitor: Visitor, wish: Wish) -> Launch:
    """Decide what a launch would ask for; a refusal is in the record before it is raised.

    Raises NotGranted, NotNow, InvalidRequest, LimitExceeded, ConfigurationProblem.
    """
    return _prepare(visitor, wish, Action.LAUNCH)


def prepare_credentials(visitor: Visitor, wish: Wish) -> Launch:
    """Decide what a credential issue would ask for; the same refusals as for a console."""
    return _prepare(visitor, wish, Action.CREDENTIALS)


def preview(visitor: Visitor, wish: Wish, action: Action) -> Launch:
    """Decide the same for a page that only shows it: a refusal leaves no row, as nobody acted."""
    entitlement = _entitled(visitor, wish)
    act = record.about(_act(visitor, wish, action), entitlement.role)
    launch = _decide(visitor, wish, act, entitlement)
    methods.require_fitting_source(launch.plan, sources())
    return launch


def objection(visitor: Visitor, wish: Wish, action: Action) -> PortalError | None:
    """Return what a form's values cannot be, so that the form can say so and keep the others."""
    try:
        preview(visitor, wish, action)
    except (InvalidRequest, LimitExceeded) as error:
        return error
    return None


def open_console(launch: Launch) -> LoginUrl:
    """Enter: get credentials, turn them into a sign-in token, return the login URL.

    Raises TooMany, RecordUnavailable, Overloaded, AwsRefused, AwsUnavailable,
    ConfigurationProblem, and InvalidRequest where the reason that the role asks for is missing.
    """
    _require_reason(launch)
    endpoint = federation.endpoint(launch.plan.partition, settings.PORTAL_FEDERATION_URL)
    with _recorded(launch) as ended, _place_at_aws(launch):
        credentials = _fetch(launch, ended)
        token = federation.sign_in_token(
            credentials,
            launch.plan.console_seconds,
            endpoint,
            transport(),
            launch.budget,
        )
        return LoginUrl(
            federation.login_url(token, launch.destination.url, settings.PORTAL_URL, endpoint)
        )


def issue_credentials(launch: Launch) -> TemporaryCredentials:
    """Get credentials for the person's own shell. Raises what ``open_console`` raises."""
    _require_reason(launch)
    with _recorded(launch) as ended, _place_at_aws(launch):
        return _fetch(launch, ended)


@functools.cache
def transport() -> Transport:
    """Return this process's connections to AWS: kept open, shared by its threads."""
    return Transport()


@functools.cache
def sources() -> Sources:
    """Return this process's credential sources: made once, shared by its threads."""
    return Sources(transport())


def is_chained(source: SourceSettings, budget: Budget) -> bool:
    """Tell whether the broker's own credentials are a role's, which AWS limits to an hour.

    Raises ConfigurationProblem when there are none.
    """
    return sources().is_chained(source, budget)


def is_surely_chained(source: SourceSettings) -> bool:
    """Tell the same for a page that lists roles, without holding it up.

    What cannot be known at the moment counts as no: the launch itself will tell. A source that
    hangs is waited for by whoever comes first, not by every page.
    """
    try:
        return is_chained(source, Budget(_SECONDS_FOR_A_LIST - sources().sought_for(source)))
    except UpstreamError:
        return False


_SECONDS_FOR_A_LIST = 0.1


def _require_reason(launch: Launch) -> None:
    if launch.reason_is_missing:
        raise InvalidRequest(
            log=f"no reason for {launch.role.name} in {launch.role.account_id}",
            message=gettext_noop("%(role)s asks for a reason."),
            next_step=gettext_noop("Write why you enter; it is kept in the record."),
            params={"role": launch.role.shown_title},
        )


# --- deciding --------------------------------------------------------------------------------


def _prepare(visitor: Visitor, wish: Wish, action: Action) -> Launch:
    act = _act(visitor, wish, action)
    with _refusals_recorded(act):
        require_let_in(visitor.user)
        entitlement = _entitled(visitor, wish)
    act = record.about(act, entitlement.role)
    with _refusals_recorded(act):
        launch = _decide(visitor, wish, act, entitlement)
    with _refusals_recorded(launch.act):
        methods.require_fitting_source(launch.plan, sources())
    return launch


@contextmanager
def _refusals_recorded(act: Act) -> Iterator[None]:
    try:
        yield
    except PortalError as error:
        said = told(act, error)
        if isinstance(error, NotNow):
            details = {**said.details, **error.known_as}
            said = replace(said, account=error.account_id, role=error.role_name, details=details)
        record.write_refusal(said, record.outcome_of(error), error.recorded_as)
        raise


def _entitled(visitor: Visitor, wish: Wish) -> Entitlement:
    place = normal_place(wish.to, wish.region)
    return require_entry(visitor.user, wish.account, wish.role, timezone.now(), place)


def _act(visitor: Visitor, wish: Wish, action: Action) -> Act:
    return Act(
        action=action,
        actor=visitor.user.username,
        actor_key=visitor.user.record_key,
        account=wish.account[: record.LONGEST_TYPED],
        role=wish.role[: record.LONGEST_TYPED],
        reason=wish.reason.strip()[: record.LONGEST_REASON],
        ip=visitor.ip,
        user_agent=visitor.user_agent,
        request_id=visitor.request_id,
    )


def _decide(visitor: Visitor, wish: Wish, act: Act, entitlement: Entitlement) -> Launch:
    role = entitlement.role
    destination = parse_destination(
        wish.to,
        wish.region,
        partition=role.account.partition,
        account_id=role.account_id,
        role_destination=role.destination,
        role_region=role.region,
    )
    seconds = read_seconds(wish.seconds)
    budget = Budget(settings.PORTAL_UPSTREAM_TIMEOUT_SECONDS)
    began = timezone.now()
    chained = _is_chained_in_turn(source_settings(role.source), budget)
    if timezone.now() - began > _NO_WAIT:
        entitlement = _entitled(visitor, wish)
    lengths = decide_lengths(
        entitlement,
        timezone.now(),
        is_chained=chained,
        for_console=act.action == Action.LAUNCH,
        wish=seconds,
    )
    plan = plan_session(visitor.user, entitlement, lengths)
    return Launch(
        act=_planned(act, entitlement, plan, destination),
        entitlement=entitlement,
        plan=plan,
        lengths=lengths,
        destination=destination,
        budget=budget,
    )


def _is_chained_in_turn(source: SourceSettings, budget: Budget) -> bool:
    """Ask ``is_chained``; whoever has to wait for the source needs a place in its compartment."""
    if sources().is_at_hand(source):
        return is_chained(source, budget)
    with bulkhead().entered(f"source {source.name}", too_many_wait):
        return is_chained(source, budget)


# After a longer wait for the broker's own credentials the grant is looked at again.
_NO_WAIT = timedelta(seconds=1)


def _planned(
    act: Act, entitlement: Entitlement, plan: SessionPlan, destination: Destination
) -> Act:
    is_console = act.action == Action.LAUNCH
    console = {"console_seconds": plan.console_seconds or plan.duration_seconds}
    return replace(
        act,
        grant=str(entitlement.grant),
        session_name=plan.session_name,
        source_identity=plan.source_identity,
        region=destination.region,
        destination=destination.url if is_console else "",
        duration_seconds=plan.duration_seconds,
        details={**act.details, **(console if is_console else {})},
    )


# --- the record around what is asked of AWS --------------------------------------------------


@dataclass
class _Ending:
    """What is learnt while the act runs."""

    access_key_id: str = ""
    expires: str = ""


def _fetch(launch: Launch, ended: _Ending) -> TemporaryCredentials:
    credentials = methods.fetch(launch.plan, sources(), launch.budget)
    ended.access_key_id = credentials.access_key_id
    ended.expires = record.moment_text(credentials.expiration)
    return credentials


@contextmanager
def _recorded(launch: Launch) -> Iterator[_Ending]:
    """Open the act before AWS is asked and close it with its outcome, whatever happens.

    Where it is known beforehand that there will be no place at AWS, nothing is opened.
    """
    with _refusals_recorded(launch.act):
        bulkhead().require_room(launch.plan.partition, too_many_wait, person_of(launch.act))
    open_in_turn(launch.act)
    ended = _Ending()
    try:
        yield ended
    except PortalError as error:
        act = replace(told(launch.act, error), **vars(ended))
        record.close_act(act, record.outcome_of(error), error.recorded_as)
        raise
    except BaseException as error:
        record.close_act(replace(launch.act, **vars(ended)), Outcome.FAILED, type(error).__name__)
        raise
    record.close_act(replace(launch.act, **vars(ended)), Outcome.SUCCEEDED)


def open_in_turn(act: Act) -> None:
    """Write the row that must stand first, unless the person has opened too many lately.

    Raises TooMany, RecordUnavailable.
    """
    count = settings.PORTAL_LAUNCHES_PER_MINUTE
    try:
        record.open_act(act, RateLimit(count) if count else None)
    except TooMany as error:
        record.write_once_a_minute(told(act, error), Outcome.DENIED, error.recorded_as)
        raise


def _place_at_aws(launch: Launch) -> AbstractContextManager[None]:
    """Hold a place in the partition's compartment, so that a hanging one leaves threads free."""
    return bulkhead().entered(launch.plan.partition, too_many_wait, person_of(launch.act))


def person_of(act: Act) -> Person:
    """Return who acts, as the bulkhead counts them."""
    return Person(act.actor_key, _too_many_of_theirs)


def _too_many_of_theirs() -> Overloaded:
    return Overloaded(
        log="one person has their share of the bulkhead",
        message=gettext_noop("As many of your launches as may already wait for AWS."),
        next_step=gettext_noop("Try again in a few seconds, when they have ended."),
    )


def too_many_wait() -> Overloaded:
    """Return the refusal of a compartment that stands still."""
    return Overloaded(
        log="the bulkhead is full and stands still",
        message=gettext_noop("AWS answers slowly, and as many people as may already wait for it."),
        next_step=gettext_noop("Try again in a few seconds. Everything else goes on working."),
    )


def told(act: Act, error: PortalError) -> Act:
    """Add to an act the sentence that the person was told."""
    return replace(act, details={**act.details, "message": error.plain_sentence})
