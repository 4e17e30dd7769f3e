"""Places in AWS that people go back to, their own or a group's."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.aws_rules import limits
from accounts.models.catalogue import Account
from accounts.models.group import Group
from accounts.models.user import User


class Bookmark(models.Model):
    """A name for a role and a place in its console.

    Empty ``destination`` and ``region`` mean the role's own. ``made_by`` is the user name of
    whoever made a group's in the admin; empty for the access file's and for people's own.
    """

    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="bookmarks")
    group = models.ForeignKey(
        Group, models.CASCADE, null=True, blank=True, related_name="bookmarks"
    )
    name = models.CharField(_("name"), max_length=100)
    account = models.ForeignKey(Account, models.CASCADE, related_name="bookmarks")
    role_name = models.CharField(_("role"), max_length=limits.ROLE_PATH_MAX + limits.ROLE_NAME_MAX)
    destination = models.CharField(_("destination"), max_length=2048, blank=True)
    region = models.CharField(_("region"), max_length=32, blank=True)
    position = models.PositiveIntegerField(default=0)
    made_by = models.CharField(_("made by"), max_length=200, blank=True)
    from_file = models.BooleanField(_("from the access file"), default=False)

    class Meta:
        verbose_name = _("bookmark")
        verbose_name_plural = _("bookmarks")
        constraints = (
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True)
                | Q(user__isnull=True, group__isnull=False),
                name="bookmark_of_a_user_or_a_group",
            ),
            models.UniqueConstraint(
                fields=("group", "name"),
                condition=Q(group__isnull=False),
                name="one_bookmark_name_a_group",
            ),
        )

    def __str__(self) -> str:
        """Of a person's own, lists of what would go with an account say no more than that."""
        return self.name if self.group_id else gettext("a person’s own bookmark")
