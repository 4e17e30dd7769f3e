"""Filters of the catalogue's lists; each choice is a plain condition, none counts anything."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.administration.failing import failing
from accounts.aws_rules.partitions import PARTITIONS
from accounts.models import KNOWN_ENVIRONMENTS, Account, Role
from portal.pages.environments import KINDS, environment


def _account_column(queryset: QuerySet) -> str:
    return "" if queryset.model is Account else "account__"


class EnvironmentFilter(SimpleListFilter):
    """By the five kinds of environments; words of the administrator's are the rest."""

    title = _("environment")
    parameter_name = "environment"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        """Return the five kinds."""
        return [(kind, environment(kind).title) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Return what is of the chosen kind."""
        column = f"{_account_column(queryset)}environment"
        if self.value() in KNOWN_ENVIRONMENTS:
            return queryset.filter(**{column: self.value()})
        if self.value():
            return queryset.exclude(**{f"{column}__in": KNOWN_ENVIRONMENTS})
        return queryset


class PartitionFilter(SimpleListFilter):
    """By partition."""

    title = _("partition")
    parameter_name = "partition"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        """Return the partitions that the portal serves."""
        return [(name, name) for name in PARTITIONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Return what is in the chosen partition."""
        if self.value() not in PARTITIONS:
            return queryset
        return queryset.filter(**{f"{_account_column(queryset)}partition": self.value()})


class FailingFilter(SimpleListFilter):
    """Roles whose launches failed within the last days."""

    title = _("launches")
    parameter_name = "launches"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        """Return the one choice, for whoever may see the record that it is read from."""
        may_see = request.user.has_perm("accounts.view_entry")
        return [("failing", _("failing lately"))] if may_see else []

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Return the roles that fail."""
        if self.value() != "failing":
            return queryset
        return queryset.filter(pk__in=[role.pk for role in failing(timezone.now())[0]])


class AccountFilter(SimpleListFilter):
    """Roles of one account; it comes from the account's page and offers nothing by itself."""

    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, str]]:
        """Return the account that was asked for, if there is one."""
        asked = request.GET.get(self.parameter_name, "")
        account = Account.objects.filter(pk=asked).first() if asked.isalnum() else None
        return [(account.account_id, account.title)] if account else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Role]) -> QuerySet[Role]:
        """Return the account's roles."""
        value = self.value()
        return queryset.filter(account_id=value) if value and value.isalnum() else queryset
