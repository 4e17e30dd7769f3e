"""The AWS accounts and roles that may be entered, and how the broker itself gets credentials."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.aws_rules import limits

DEFAULT_SOURCE = "default"
KNOWN_ENVIRONMENTS = ("production", "staging", "development", "sandbox")

account_id_is_right = RegexValidator(r"\A[0-9]{12}\Z", _("An account id has 12 digits."))
alias_is_right = RegexValidator(
    r"\A(?![0-9]{12}\Z)[a-z0-9-]{1,63}\Z",
    _("An alias has 1 to 63 lower-case letters, digits and hyphens, and is not 12 digits."),
)
colour_is_right = RegexValidator(r"\A#[0-9a-fA-F]{6}\Z", _("A colour looks like #b91c1c."))


class Method(models.TextChoices):
    """How the broker's credentials become a person's."""

    ASSUME_ROLE = "assume_role", _("assume role")
    FEDERATION_TOKEN = "federation_token", _("federation token")

    @property
    def operation(self) -> str:
        """What AWS calls the call."""
        return "AssumeRole" if self is Method.ASSUME_ROLE else "GetFederationToken"


class CredentialSource(models.Model):
    """How the broker itself gets credentials: botocore's default chain, or a named profile."""

    name = models.CharField(_("name"), max_length=100, primary_key=True)
    profile = models.CharField(_("profile"), max_length=255, blank=True)
    from_file = models.BooleanField(_("from the access file"), default=False)

    class Meta:
        verbose_name = _("credential source")
        verbose_name_plural = _("credential sources")

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """An AWS account: its 12 digits are its name for ever."""

    account_id = models.CharField(
        _("account id"), max_length=12, primary_key=True, validators=[account_id_is_right]
    )
    partition = models.CharField(_("partition"), max_length=16, default="aws")
    alias = models.CharField(
        _("alias"),
        max_length=63,
        unique=True,
        null=True,
        blank=True,
        default=None,
        validators=[alias_is_right],
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    environment = models.CharField(_("environment"), max_length=100, default="other")
    colour = models.CharField(_("colour"), max_length=7, blank=True, validators=[colour_is_right])
    tags = models.JSONField(_("tags"), default=dict, blank=True)
    disabled = models.BooleanField(_("disabled"), default=False)
    from_file = models.BooleanField(_("from the access file"), default=False)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """What a person calls it: its name, else its alias, else its id."""
        return self.name or self.alias or self.account_id

    @property
    def key(self) -> str:
        """What links call it: its alias, else its id."""
        return self.alias or self.account_id


class Role(models.Model):
    """An IAM role, or a federation-token entry, that may be entered.

    Lengths are in seconds. ``session_seconds`` is the life of the credentials unless the person
    chooses; ``max_session_seconds`` the most they may choose; ``console_seconds`` the console
    session's own length, or None for as long as the credentials.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="roles")
    name = models.CharField(_("name"), max_length=limits.ROLE_PATH_MAX + limits.ROLE_NAME_MAX)
    title = models.CharField(_("title"), max_length=100, blank=True)
    method = models.CharField(
        _("method"), max_length=16, choices=Method.choices, default=Method.ASSUME_ROLE
    )
    source = models.ForeignKey(
        CredentialSource, models.PROTECT, related_name="roles", default=DEFAULT_SOURCE
    )
    session_seconds = models.PositiveIntegerField(_("session length"), default=3600)
    max_session_seconds = models.PositiveIntegerField(
        _("longest session"), null=True, blank=True, default=None
    )
    console_seconds = models.PositiveIntegerField(
        _("console session length"), null=True, blank=True, default=None
    )
    external_id = models.CharField(_("external id"), max_length=limits.EXTERNAL_ID_MAX, blank=True)
    session_policy = models.TextField(_("session policy"), blank=True)
    policy_arns = models.JSONField(_("managed policies"), default=list, blank=True)
    session_tags = models.JSONField(_("session tags"), default=dict, blank=True)
    set_source_identity = models.BooleanField(_("set source identity"), default=False)
    region = models.CharField(_("region"), max_length=32, blank=True)
    destination = models.CharField(_("destination"), max_length=2048, blank=True)
    require_reason = models.BooleanField(_("ask for a reason"), default=False)
    disabled = models.BooleanField(_("disabled"), default=False)
    from_file = models.BooleanField(_("from the access file"), default=False)

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        constraints = (
            models.UniqueConstraint(fields=("account", "name"), name="one_role_name_an_account"),
        )
        indexes = (models.Index(fields=("name",), name="role_by_name"),)

    def __str__(self) -> str:
        return f"{self.shown_title} in {self.account_id}"

    @property
    def shown_title(self) -> str:
        """What a person calls it: its title, else the name's last part."""
        return self.title or self.name.rsplit("/", 1)[-1]

    # Ways in call these so, too: what asks for no more takes either.

    @property
    def role_name(self) -> str:
        """Its name with its path."""
        return self.name

    @property
    def partition(self) -> str:
        """Its account's partition."""
        return self.account.partition

    @property
    def account_title(self) -> str:
        """What people call its account."""
        return self.account.title

    @property
    def known_as(self) -> dict[str, str]:
        """What people call it and its account by now, in the record's words."""
        return {
            "alias": self.account.alias or "",
            "account_name": self.account.title,
            "environment": self.account.environment,
            "role_title": self.shown_title,
        }

    @property
    def longest_seconds(self) -> int:
        """The most seconds a person may choose for the credentials."""
        return self.max_session_seconds or self.session_seconds
