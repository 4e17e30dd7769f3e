"""What a page says of a launch before it happens: who, what, where, how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext

from accounts.aws_rules.destinations import describe, normal_place, parse_destination
from accounts.models import Account, Role
from portal.launch import Launch, Wish
from portal.launch_rule import is_familiar
from portal.pages.environments import Environment, environment


@dataclass(frozen=True)
class LaunchFacts:
    """``seconds`` is the console session's length, ``until`` when it would end.

    ``service`` and ``region`` are short names, ``address`` the whole console address.
    """

    role: Role
    account: Account
    environment: Environment
    service: str
    region: str
    address: str
    seconds: int
    until: datetime
    is_shortened: bool
    granted_through: str
    grant_ends: datetime | None

    @classmethod
    def of(cls, launch: Launch, wish: Wish) -> "LaunchFacts":
        """Read them off a launch that may be and the wish it was made of."""
        role = launch.role
        service, region = describe(wish.to or role.destination, launch.destination.region)
        group = launch.entitlement.grant.group
        return cls(
            role=role,
            account=role.account,
            environment=environment(role.account.environment),
            service=gettext(service),
            region=region,
            address=launch.destination.url,
            seconds=launch.lengths.session,
            until=timezone.now() + timedelta(seconds=launch.lengths.session),
            is_shortened=launch.lengths.is_shortened,
            granted_through=group.name if group else "",
            grant_ends=launch.entitlement.ends,
        )

    @property
    def is_production(self) -> bool:
        """Whether it is told by colour, icon and word that this is production."""
        return self.environment.kind == "production"

    @property
    def opened(self) -> str:
        """What the key says it opens: the environment where it is a known one, else the role."""
        if self.environment.kind == "other":
            return self.role.shown_title
        return self.environment.title.lower()


def goes_somewhere_familiar(launch: Launch, wish: Wish) -> bool:
    """Tell whether the wish's place needs no question; the launch rule says which do."""
    role = launch.role
    own = parse_destination(
        "",
        "",
        partition=role.account.partition,
        account_id=role.account_id,
        role_destination=role.destination,
        role_region=role.region,
    )
    return is_familiar(
        normal_place(wish.to, wish.region),
        role.destination,
        is_roles_own=launch.destination == own,
        is_bookmarked=launch.entitlement.place_is_bookmarked,
    )


def wish_query(wish: Wish) -> str:
    """Return a wish as the query of the options page."""
    fields = {"to": wish.to, "region": wish.region, "seconds": wish.seconds, "reason": wish.reason}
    return urlencode({name: value for name, value in fields.items() if value})


def bookmark_query(facts: LaunchFacts, wish: Wish) -> str:
    """Return what the bookmarks page fills its form in with."""
    fields = {
        "account": facts.account.key,
        "role": facts.role.name,
        "to": wish.to,
        "region": wish.region,
    }
    return urlencode({name: value for name, value in fields.items() if value})
