"""The form of a role: every field with AWS's limit in a line, judged by the access file's rules."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.access_file.specs import AccountSpec, RoleSpec, sorted_pairs
from accounts.aws_rules.destinations import normal_place
from accounts.aws_rules.limits import METHOD_LIMITS
from accounts.aws_rules.partitions import KNOWN_REGIONS
from accounts.aws_rules.services import TITLES
from accounts.models import DEFAULT_SOURCE, Account, Method, Role
from accounts.role_in_aws import (
    account_values,
    complaints_about_source_account,
    complaints_about_source_partition,
)
from accounts.role_rules import Complaint, complaints_about_role, role_name_of
from portal.admin.entering import (
    METHOD_TITLES,
    LengthField,
    LinesField,
    PairsField,
    PolicyField,
    SuggestingInput,
    add_complaints,
)
from portal.try_role import known_broker, known_partition

CHECK = "_check"
"""The button that judges what is entered and saves nothing."""


class MethodChoice(forms.RadioSelect):
    """The two methods, each with what it does in a line."""

    about: Mapping[str, Any] = {
        Method.ASSUME_ROLE: _("Enters an IAM role, in any account that trusts the portal."),
        Method.FEDERATION_TOKEN: _("Narrows the portal’s own IAM user, in its own account."),
    }
    titles = METHOD_TITLES

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Render the two as choices."""
        html_id = (attrs or {}).get("id", name)
        rows = (
            (
                format_html(
                    '<input type="radio" name="{}" value="{}" id="{}_{}"', name, key, html_id, at
                ),
                SafeString(" checked") if str(key) == str(value) else "",
                self.titles[key],
                about,
            )
            for at, (key, about) in enumerate(self.about.items())
        )
        inner = format_html_join(
            "", '<label class="choice">{}{}><span>{}</span><small>{}</small></label>', rows
        )
        return format_html('<div class="choices" id="{}">{}</div>', html_id, inner)


class RoleForm(forms.ModelForm):
    """A role as an administrator enters it."""

    session_seconds = LengthField(
        label=_("usual session"),
        required=False,
        help_text=_(
            "What a click gives: 15 min to 12 h, a federation token to 36 h. Empty: AWS’s own."
        ),
    )
    max_session_seconds = LengthField(
        label=_("longest session"),
        required=False,
        help_text=_(
            "The most a person may choose, not above the role’s maximum in IAM. Empty: the same."
        ),
    )
    console_seconds = LengthField(
        label=_("console session"),
        required=False,
        help_text=_(
            "15 min to 12 h, also beyond the role’s maximum in IAM. Empty: as the credentials."
        ),
    )
    session_tags = PairsField(
        label=_("session tags"),
        required=False,
        help_text=_(
            "One a line, team: payments; at most 50. {username}, {email}, {groups} are filled in."
        ),
    )
    policy_arns = LinesField(
        label=_("managed policies"),
        required=False,
        help_text=_("ARNs, one a line, at most 10; AWS’s own or of the role’s account."),
    )
    session_policy = PolicyField(
        label=_("session policy"),
        required=False,
        help_text=_("JSON; with the ARNs at most 2,048 characters, counted without spaces."),
    )

    class Meta:
        model = Role
        fields = (
            "account",
            "name",
            "method",
            "source",
            "external_id",
            "set_source_identity",
            "session_tags",
            "title",
            "destination",
            "region",
            "disabled",
            "session_seconds",
            "max_session_seconds",
            "console_seconds",
            "require_reason",
            "session_policy",
            "policy_arns",
        )
        labels = {
            "account": _("account"),
            "name": _("IAM role name"),
            "source": _("credential source"),
            "external_id": _("external ID"),
            "set_source_identity": _("Set the source identity"),
            "destination": _("lands on"),
            "disabled": _("Switched off"),
            "require_reason": _("Ask for a reason"),
        }
        help_texts = {
            "name": _(
                "With its path, as team/Developer; a token: any name. 64 characters, never changed."
            ),
            "source": _("How the portal itself gets credentials."),
            "external_id": _("2 to 1,224 characters; the trust policy asks for the same."),
            "set_source_identity": _(
                "CloudTrail names the person; the trust policy must allow sts:SetSourceIdentity."
            ),
            "title": _("Empty: the role’s name."),
            "destination": _(
                "A service such as sqs, or a console path. Empty: the console’s home."
            ),
            "region": _("A region of the account’s partition. Empty: none."),
            "disabled": _("Nobody enters; “Try this role” still works."),
            "require_reason": _("Kept in the record."),
        }
        error_messages = {
            NON_FIELD_ERRORS: {
                "unique_together": _(
                    "This account has a role of that name already: open it in the list of roles."
                )
            }
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.entered: RoleSpec | None = None
        """What is entered, as far as it can be read; only after the form was cleaned."""
        if "method" in self.fields:
            self.fields["method"].widget = MethodChoice(choices=Method.choices)
        self._suggest("region", _regions(self._account()))
        self._suggest("destination", sorted(TITLES.items()))

    @property
    def is_check(self) -> bool:
        """Whether the values are only to be judged."""
        return CHECK in self.data

    def is_valid(self) -> bool:
        """Say whether the values may be saved: those of a check never are."""
        return super().is_valid() and not self.is_check

    def clean(self) -> dict[str, Any]:
        """Judge the values by the rules of the access file."""
        cleaned = super().clean() or self.cleaned_data
        place = normal_place(cleaned.get("destination") or "", cleaned.get("region") or "")
        method = cleaned.get("method") or Method.ASSUME_ROLE
        cleaned |= {"destination": place.to, "region": place.region}
        if "session_seconds" in cleaned and cleaned["session_seconds"] is None:
            cleaned["session_seconds"] = METHOD_LIMITS[method].seconds_default
        if cleaned.get("max_session_seconds") == cleaned.get("session_seconds"):
            cleaned["max_session_seconds"] = None
        account = self._account()
        if account and cleaned.get("name"):
            cleaned["name"] = role_name_of(cleaned["name"], account_values(account))
        self.entered = _values(cleaned, self.instance, account)
        values = account_values(account) if account else None
        add_complaints(self, complaints_about_role(self.entered, values))
        if not self.entered.disabled:
            add_complaints(self, _complaints_about_source(self.entered, cleaned, account))
        return cleaned

    def _account(self) -> Account | None:
        if "account" in self.fields:
            chosen = getattr(self, "cleaned_data", {}).get("account")
            return chosen if isinstance(chosen, Account) else None
        return self.instance.account if self.instance.account_id else None

    def _suggest(self, name: str, suggestions: Any) -> None:
        if name in self.fields:
            self.fields[name].widget = SuggestingInput(suggestions)


def _regions(account: Account | None) -> list[tuple[str, str]]:
    """Return the regions of an account's partition; of every one while there is no account."""
    partitions = [account.partition] if account else list(KNOWN_REGIONS)
    return [pair for name in partitions for pair in KNOWN_REGIONS.get(name, {}).items()]


def _complaints_about_source(
    entered: RoleSpec, cleaned: Mapping[str, Any], account: Account | None
) -> Iterator[Complaint]:
    """What is wrong with the source, with what is known of it; AWS is not asked."""
    source = cleaned.get("source")
    if account is not None and source is not None:
        broker = known_broker(source, account.partition)
        yield from complaints_about_source_partition(known_partition(source), account.partition)
        yield from complaints_about_source_account(entered, broker)


def _values(cleaned: Mapping[str, Any], role: Role, account: Account | None) -> RoleSpec:
    """Return what was entered in the rules' own form; what could not be read is left out."""
    source = cleaned.get("source")
    method = str(cleaned.get("method") or Method.ASSUME_ROLE)
    return RoleSpec(
        account=account.account_id if account else AccountSpec("").id,
        name=cleaned.get("name") or role.name,
        title=cleaned.get("title") or "",
        method=method,
        source=source.name if source else DEFAULT_SOURCE,
        session_seconds=cleaned.get("session_seconds") or METHOD_LIMITS[method].seconds_default,
        max_session_seconds=cleaned.get("max_session_seconds"),
        console_seconds=cleaned.get("console_seconds"),
        external_id=cleaned.get("external_id") or "",
        session_policy=cleaned.get("session_policy") or "",
        policy_arns=tuple(cleaned.get("policy_arns") or ()),
        session_tags=sorted_pairs(cleaned.get("session_tags") or {}),
        set_source_identity=bool(cleaned.get("set_source_identity")),
        region=cleaned.get("region") or "",
        destination=cleaned.get("destination") or "",
        require=("reason",) if cleaned.get("require_reason") else (),
        disabled=bool(cleaned.get("disabled")),
    )
