"""Groups of people that grants and bookmarks name."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.user import Origin, User

LONGEST_GROUP_NAME = 150


class Group(models.Model):
    """A group of people: local if the access file or the admin made it, else the directory's.

    Not Django's own group, which is a set of permissions in the admin.
    """

    name = models.CharField(_("name"), max_length=LONGEST_GROUP_NAME, unique=True)
    origin = models.CharField(
        _("origin"), max_length=9, choices=Origin.choices, default=Origin.DIRECTORY
    )
    members = models.ManyToManyField(
        User, through="Membership", related_name="member_of", verbose_name=_("members")
    )
    from_file = models.BooleanField(_("from the access file"), default=False)

    class Meta:
        verbose_name = _("group")
        verbose_name_plural = _("groups")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person in one group."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    from_file = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = (
            models.UniqueConstraint(fields=("group", "user"), name="one_membership_each"),
        )

    def __str__(self) -> str:
        return f"{self.user} in {self.group}"
