"""Which user reaches which role through which grant, as the database works it out."""

from django.db import models

from accounts.models.catalogue import Role
from accounts.models.grant import Grant
from accounts.models.user import User


class GrantedRole(models.Model):
    """One way in: a user, a role and a grant that names both.

    A database view (``accounts.database.objects`` makes it), so that one indexed query answers
    for a single role and for all of them. It knows nothing of time and of what is disabled:
    ``accounts.entitlements`` judges that. A user has several rows for a role when several grants
    lead there.
    """

    user = models.ForeignKey(User, models.DO_NOTHING, related_name="+")
    role = models.ForeignKey(Role, models.DO_NOTHING, related_name="+")
    # A view has no key; Django wants one and nothing here ever asks for a row by it.
    grant = models.OneToOneField(Grant, models.DO_NOTHING, related_name="+", primary_key=True)
    account_id = models.CharField(max_length=12)
    account_alias = models.CharField(max_length=63, null=True)  # noqa: DJ001 the column's own null
    role_name = models.CharField(max_length=576)

    class Meta:
        managed = False
        db_table = "accounts_grantedrole"

    def __str__(self) -> str:
        return f"{self.user_id} {self.account_id} {self.role_name}"
