"""Who may enter which role, from when and until when."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.aws_rules import limits
from accounts.models.catalogue import Account
from accounts.models.group import Group
from accounts.models.user import User

ANY_ROLE = "*"


def is_not_over(now: datetime, of: str = "") -> Q:
    """Whether a grant holds now or will; ``of`` leads to it from another row: ``grant__``."""
    return Q(**{f"{of}expires__isnull": True}) | Q(**{f"{of}expires__gt": now})


def holds(now: datetime, of: str = "") -> Q:
    """Whether a grant holds now: from its start on, and at its end no more."""
    begun = Q(**{f"{of}starts__isnull": True}) | Q(**{f"{of}starts__lte": now})
    return begun & is_not_over(now, of)


class Grant(models.Model):
    """Lets a user or a group enter roles, perhaps from a moment on and until another.

    ``account`` is one account; without it the grant reaches every account, or those that carry
    all of its ``account_tags``. ``role_name`` is a role's name or ``*``. ``made_by`` is the user
    name of whoever made it in the admin; empty for the access file's.
    """

    user = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="grants", verbose_name=_("user")
    )
    group = models.ForeignKey(
        Group, models.CASCADE, null=True, blank=True, related_name="grants", verbose_name=_("group")
    )
    account = models.ForeignKey(
        Account,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("account"),
    )
    role_name = models.CharField(_("role"), max_length=limits.ROLE_PATH_MAX + limits.ROLE_NAME_MAX)
    account_tags = models.JSONField(_("account tags"), default=dict, blank=True)
    starts = models.DateTimeField(_("starts"), null=True, blank=True, default=None)
    expires = models.DateTimeField(_("expires"), null=True, blank=True, default=None)
    note = models.CharField(_("note"), max_length=500, blank=True)
    made = models.DateTimeField(_("made"), auto_now_add=True)
    made_by = models.CharField(_("made by"), max_length=200, blank=True)
    from_file = models.BooleanField(_("from the access file"), default=False)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = (
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True)
                | Q(user__isnull=True, group__isnull=False),
                name="grant_to_a_user_or_a_group",
            ),
        )
        indexes = (
            models.Index(fields=("user", "account", "role_name"), name="grant_by_user"),
            models.Index(fields=("group", "account", "role_name"), name="grant_by_group"),
            # What ends soon is asked for on every start page.
            models.Index(fields=("expires",), name="grant_by_end"),
        )

    def __str__(self) -> str:
        return f"{self.subject}: {self.role_name} in {self.place}"

    @property
    def subject(self) -> str:
        """The user's or the group's name, said as such."""
        return f"user {self.user}" if self.group is None else f"group {self.group}"

    @property
    def place(self) -> str:
        """The account's id, ``*``, or the tags that choose accounts."""
        if self.account_id:
            return self.account_id
        return ", ".join(f"{k}={v}" for k, v in sorted(self.account_tags.items())) or "*"

    def has_begun(self, now: datetime) -> bool:
        """Whether its start is behind us."""
        return self.starts is None or self.starts <= now

    def is_over(self, now: datetime) -> bool:
        """Whether its end is behind us."""
        return self.expires is not None and self.expires <= now
