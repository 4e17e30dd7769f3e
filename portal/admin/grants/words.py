"""What pages call a grant: whose it is, which role, in which account, by the names people use."""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext

from accounts.access_file.specs import pairs_text
from accounts.administration.grant_plan import Planned
from accounts.grant_pattern import Pattern
from accounts.models import ANY_ROLE, Account, Grant


def grant_words(grant: Grant) -> str:
    """Return ``payments: Developer in Payments production``; its account is loaded."""
    titles = {grant.account.pk: grant.account.title} if grant.account else {}
    return _words(str(grant.group or grant.user), Pattern.of(grant), titles)


def planned_words(planned: Planned, titles: Mapping[str, str] | None = None) -> str:
    """Return the same of a grant that is not there yet; without titles accounts are numbers."""
    return _words(str(planned.subject), planned.pattern, titles or {})


def account_titles(patterns: Iterable[Pattern]) -> Mapping[str, str]:
    """Return what people call the accounts that patterns name, in one query."""
    found = Account.objects.in_bulk({pattern.account_id for pattern in patterns} - {""})
    return {account_id: account.title for account_id, account in found.items()}


def _words(subject: str, pattern: Pattern, titles: Mapping[str, str]) -> str:
    places = {
        "subject": subject,
        "role": gettext("every role") if pattern.role_name == ANY_ROLE else pattern.role_name,
        "account": titles.get(pattern.account_id, pattern.account_id),
        "tags": pairs_text(pattern.account_tags),
    }
    if pattern.account_id:
        return gettext("%(subject)s: %(role)s in %(account)s") % places
    if pattern.account_tags:
        return gettext("%(subject)s: %(role)s in accounts with %(tags)s") % places
    return gettext("%(subject)s: %(role)s in every account") % places
