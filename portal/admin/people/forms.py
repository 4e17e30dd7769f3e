"""The forms of a person: what a superuser decides of them, and a password for them."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.administration import people
from accounts.errors import NotAllowed
from accounts.models import User, check_person_name, normal_username
from portal.admin.recorded import Refused

LONGEST_PASSWORD = 1024

_RULE = _("At least 12 characters. They change it in their settings.")


def _password_field(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        max_length=LONGEST_PASSWORD,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=help_text,
    )


def _judge(form: forms.BaseForm, password: str, person: User) -> None:
    """Say at its field what is wrong with a password."""
    try:
        password_validation.validate_password(password, person)
    except ValidationError as error:
        form.add_error("password", error)


class PersonForm(forms.ModelForm):
    """What a superuser decides of a person."""

    class Meta:
        model = User
        fields: ClassVar[Any] = ("name", "email", "is_active", "is_staff", "is_superuser", "groups")
        widgets = {"groups": forms.CheckboxSelectMultiple}
        labels = {
            "groups": _("Permission sets"),
            "is_active": _("May sign in"),
            "is_staff": _("Comes into the administration"),
            "is_superuser": _("Superuser"),
        }
        help_texts = {
            "is_active": _("Without it their session ends with their next request."),
            "is_staff": _("Sees and does there what the permission sets say."),
            "is_superuser": _("May do everything here, without any permission set."),
            "groups": "",
        }

    def clean(self) -> dict[str, Any]:
        """Leave a superuser who comes in here."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        person: User = self.instance
        stays = cleaned.get("is_superuser") and cleaned.get("is_staff")
        if person.pk and person.is_superuser and not stays and "is_superuser" in cleaned:
            try:
                people.require_superuser_left(without=User.objects.filter(pk=person.pk))
            except NotAllowed as error:
                raise Refused(error) from None
        return cleaned


class NewPersonForm(PersonForm):
    """A new local person with a password."""

    password = _password_field(_("Password"), help_text=_RULE)

    class Meta(PersonForm.Meta):
        fields: ClassVar[Any] = ("username", *PersonForm.Meta.fields)
        error_messages = {
            "username": {
                "unique": _(
                    "There is somebody of that name already. If it waits for its person, open it "
                    "in the list and give it a password."
                )
            }
        }

    def clean_username(self) -> str:
        """Compare names as they are kept."""
        name = normal_username(self.cleaned_data["username"].strip())
        check_person_name(name)
        return name

    def clean(self) -> dict[str, Any]:
        """Refuse a weak password, and one that says who they are."""
        cleaned = super().clean()
        if "password" in cleaned:
            known = {name: cleaned.get(name, "") for name in ("username", "name", "email")}
            _judge(self, cleaned["password"], User(**known))
        return cleaned


class PasswordForm(forms.Form):
    """A new password, twice."""

    password = _password_field(_("New password"), help_text=_RULE)
    again = _password_field(_("Once more"))

    def __init__(self, person: User, *args: Any, **kwargs: Any) -> None:
        self.person = person
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Refuse a weak one, and two that differ."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "password" in cleaned:
            _judge(self, cleaned["password"], self.person)
        if "password" in cleaned and cleaned.get("again") != cleaned["password"]:
            self.add_error("again", _("The two are not the same."))
        return cleaned
