"""The form of an account, judged by the access file's rules."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.access_file.specs import AccountSpec, sorted_pairs
from accounts.administration.partition_change import obstacles_to_partition
from accounts.aws_rules.partitions import PARTITIONS
from accounts.models import KNOWN_ENVIRONMENTS, Account
from accounts.role_rules import account_number_of, complaints_about_account
from portal.admin.entering import PairsField, SuggestingInput, add_complaints
from portal.pages.environments import environment

_LONGEST_NUMBER = 40
"""Of the characters that a number is typed in; of its digits the rules know."""


class AccountForm(forms.ModelForm):
    """An AWS account as an administrator enters it."""

    account_id = forms.CharField(
        label=_("account number"),
        max_length=_LONGEST_NUMBER,
        help_text=_("The 12 digits that AWS gave it; never changed."),
        error_messages={"unique": _("This account is in the list of accounts already.")},
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"}),
    )
    partition = forms.ChoiceField(
        label=_("partition"),
        choices=[(name, name) for name in PARTITIONS],
        initial="aws",
        help_text=_("The part of AWS that the account is in; nothing crosses from one to another."),
    )
    tags = PairsField(
        label=_("tags"),
        required=False,
        help_text=_("One a line, team: payments. Grants may name accounts by their tags."),
    )

    class Meta:
        model = Account
        fields = (
            "account_id",
            "partition",
            "name",
            "alias",
            "environment",
            "colour",
            "tags",
            "disabled",
        )
        labels = {"disabled": _("Switched off")}
        error_messages = {
            "alias": {"unique": _("Another account has this alias.")},
        }
        help_texts = {
            "name": _("At most 100 characters. Empty: the alias or the number."),
            "alias": _(
                "In links; 1 to 63 lower-case letters, digits and hyphens. Empty: the number."
            ),
            "environment": _("One word; the first four have a colour and a shape of their own."),
            "colour": _("Like #b91c1c; tints the bar and the icon. Empty: by environment."),
            "disabled": _("Nobody enters any of its roles while this is on."),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "environment" in self.fields:
            known = [(name, environment(name).title) for name in KNOWN_ENVIRONMENTS]
            self.fields["environment"].widget = SuggestingInput(known)
            self.fields["environment"].required = False

    def clean_account_id(self) -> str:
        """Take a number as AWS shows it."""
        return account_number_of(self.cleaned_data["account_id"])

    def clean_alias(self) -> str | None:
        """Keep no alias as none: an empty one would be somebody's."""
        return self.cleaned_data.get("alias") or None

    def clean_environment(self) -> str:
        """Let an empty one be the rest."""
        return self.cleaned_data.get("environment") or "other"

    def clean(self) -> dict[str, Any]:
        """Judge the values by the rules of the access file."""
        cleaned = super().clean() or self.cleaned_data
        values = AccountSpec(
            id=cleaned.get("account_id") or self.instance.account_id,
            partition=cleaned.get("partition") or "aws",
            alias=cleaned.get("alias") or "",
            name=cleaned.get("name") or "",
            environment=cleaned.get("environment") or "other",
            colour=cleaned.get("colour") or "",
            tags=sorted_pairs(cleaned.get("tags") or {}),
            disabled=bool(cleaned.get("disabled")),
        )
        add_complaints(self, complaints_about_account(values))
        if not self.instance._state.adding and values.partition != self.initial.get("partition"):  # noqa: SLF001 Django's documented API
            add_complaints(self, obstacles_to_partition(values))
        return cleaned
