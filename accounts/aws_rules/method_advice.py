"""Which of AssumeRole and GetFederationToken fits what is entered, and why.

AssumeRole is the answer nearly always: it goes across accounts, the rights belong to the role and
the session may do all that the role may. A federation token is what is left where there is no role
to enter, or where credentials shall live longer than 12 hours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from accounts.aws_rules.limits import CHAINED_SECONDS_MAX, METHOD_LIMITS
from accounts.errors import Seconds, gettext_noop

ASSUME_ROLE, FEDERATION = ("assume_role", "federation_token")

_ROLE_MOST = METHOD_LIMITS[ASSUME_ROLE].seconds_max
_TOKEN_MOST = METHOD_LIMITS[FEDERATION].seconds_max


@dataclass(frozen=True)
class Broker:
    """What is known of the portal's own credentials: whose they are and whether they expire."""

    account_id: str
    is_temporary: bool
    is_chained: bool = False


@dataclass(frozen=True)
class Entered:
    """What has been entered so far. ``longest_seconds``: the longest life of the credentials."""

    method: str
    account_id: str = ""
    longest_seconds: int = 0
    has_policy: bool = False
    has_external_id: bool = False
    sets_source_identity: bool = False
    has_console_seconds: bool = False
    broker: Broker | None = None


@dataclass(frozen=True)
class Reason:
    """One reason: a message id and what fills its places. ``is_hard``: AWS would refuse it."""

    message: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    is_hard: bool = False


@dataclass(frozen=True)
class Advice:
    """``method`` fits better, for ``reasons``; ``fits`` says whether it is the one entered."""

    method: str
    fits: bool
    reasons: tuple[Reason, ...]

    @property
    def is_hard(self) -> bool:
        """Whether AWS would refuse the other method."""
        return any(reason.is_hard for reason in self.reasons)


@dataclass(frozen=True)
class Difference:
    """One row of the comparison, all three message ids."""

    about: str
    assume_role: str
    federation_token: str


DIFFERENCES = (
    Difference(
        gettext_noop("Rights"),
        gettext_noop("What the IAM role may; a session policy can only take away"),
        gettext_noop("What the portal’s IAM user may itself, as far as the policy here allows"),
    ),
    Difference(
        gettext_noop("Other accounts"),
        gettext_noop("Any account whose role trusts the portal"),
        gettext_noop("Only the account of the portal’s own IAM user"),
    ),
    Difference(
        gettext_noop("Length"),
        gettext_noop("15 min to 12 h, not above the role’s maximum; 1 h when the portal is a role"),
        gettext_noop("15 min to 36 h"),
    ),
    Difference(
        gettext_noop("MFA"),
        gettext_noop("The trust policy may ask for it; the portal has none to give"),
        gettext_noop("Not possible"),
    ),
    Difference(
        gettext_noop("What the session cannot do"),
        gettext_noop("Nothing that the role may; with roles in chain, at most 1 h"),
        gettext_noop("Outside the console: no IAM, and of STS little but asking who it is"),
    ),
    Difference(
        gettext_noop("In CloudTrail"),
        gettext_noop("Session name and, if wanted, a source identity that cannot change"),
        gettext_noop("The federated user’s name, cut to 32 characters"),
    ),
    Difference(
        gettext_noop("What the portal needs"),
        gettext_noop("Any credentials: a user’s keys, an instance’s or a container’s role"),
        gettext_noop("Long-term keys of an IAM user"),
    ),
)


def advise(entered: Entered) -> Advice:
    """Say which method fits better and why, the weightiest reason first."""
    against_token = tuple(_against_token(entered))
    against_role = tuple(_against_role(entered))
    if against_token:
        return _advice(ASSUME_ROLE, entered, against_token)
    if against_role:
        return _advice(FEDERATION, entered, against_role)
    return _advice(ASSUME_ROLE, entered, tuple(_for_role(entered)))


def _advice(method: str, entered: Entered, reasons: tuple[Reason, ...]) -> Advice:
    return Advice(method, method == entered.method, reasons)


def account_out_of_reach(broker: Broker, account_id: str) -> Reason | None:
    """Say why a federation token of these credentials does not open an account; None if it may."""
    if not account_id or broker.account_id == account_id:
        return None
    return Reason(
        gettext_noop(
            "The portal’s own keys are of account %(own)s: a federation token opens that "
            "account, only AssumeRole leads to %(account)s."
        ),
        {"own": broker.account_id, "account": account_id},
        is_hard=True,
    )


def _against_token(entered: Entered) -> Iterator[Reason]:
    broker = entered.broker
    if broker and (reason := account_out_of_reach(broker, entered.account_id)):
        yield reason
    if broker and broker.is_temporary:
        yield Reason(
            gettext_noop(
                "The portal has temporary credentials, and AWS makes federation tokens for an IAM "
                "user with long-term keys only."
            ),
            is_hard=True,
        )
    wanted = {
        "external id": entered.has_external_id,
        "source identity": entered.sets_source_identity,
        "SessionDuration": entered.has_console_seconds,
    }
    for name in (name for name, is_wanted in wanted.items() if is_wanted):
        yield Reason(_ONLY_A_ROLE_HAS[name], is_hard=True)
    if entered.method == FEDERATION and not entered.has_policy:
        yield Reason(
            gettext_noop(
                "No policy is entered: a federation token without one may do nothing, a role "
                "brings its own rights."
            ),
            is_hard=True,
        )


_ONLY_A_ROLE_HAS = {
    "external id": gettext_noop("An external id is entered, which only AssumeRole takes."),
    "source identity": gettext_noop("A source identity is wanted, which only AssumeRole sets."),
    "SessionDuration": gettext_noop(
        "A console session length of its own is entered, which AWS refuses for federation tokens."
    ),
}


def _against_role(entered: Entered) -> Iterator[Reason]:
    if entered.longest_seconds > _ROLE_MOST:
        yield Reason(
            gettext_noop(
                "%(wanted)s are wanted: AssumeRole ends at %(role)s, a federation token at "
                "%(token)s."
            ),
            {
                "wanted": Seconds(entered.longest_seconds),
                "role": Seconds(_ROLE_MOST),
                "token": Seconds(_TOKEN_MOST),
            },
            is_hard=True,
        )


def _for_role(entered: Entered) -> Iterator[Reason]:
    yield Reason(
        gettext_noop(
            "The rights belong to the IAM role, not to the portal’s user, who would need every "
            "right that a federation token shall have."
        )
    )
    yield Reason(
        gettext_noop(
            "The session may use IAM and STS like anybody in the role; a federation token may not, "
            "outside the console."
        )
    )
    if entered.broker and entered.broker.is_chained:
        yield Reason(
            gettext_noop(
                "The portal is itself a role’s session, so AWS ends each session after %(most)s."
            ),
            {"most": Seconds(CHAINED_SECONDS_MAX)},
        )
