"""People who sign in here, and where the portal knows them from."""

import secrets
import unicodedata
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.caseless import caseless

LONGEST_USERNAME = 150


def normal_username(username: str) -> str:
    """Return the one form in which a user name is kept and compared: lower case, NFC."""
    return caseless(username)


RESERVED_USERNAMES = frozenset({"command line", "directory", "the access file"})
"""What the record and the pages call whoever changes something and is no person."""


def check_username(username: str) -> None:
    """Raise ValidationError unless the text is 1-150 characters without control characters."""
    if not 1 <= len(username) <= LONGEST_USERNAME:
        raise ValidationError(_("A user name has 1 to 150 characters."))
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in username):
        raise ValidationError(_("A user name has no control characters."))


def check_person_name(username: str) -> None:
    """Raise ValidationError unless somebody of that name can come in, and leave rows of theirs."""
    check_username(username)
    if " ".join(normal_username(username).split()) in RESERVED_USERNAMES:
        raise ValidationError(
            _("This name is reserved: the record gives it to what the portal does by itself.")
        )


def new_record_key() -> str:
    """Return a fresh random key by which the record knows a user: 128 bits, never used again."""
    return secrets.token_hex(16)


class Origin(models.TextChoices):
    """Where a user or group is known from."""

    NONE_YET = "none yet", _("not signed in yet")
    LOCAL = "local", _("local")
    DIRECTORY = "directory", _("directory")


class DirectoryState(models.TextChoices):
    """What the directory said of its person when it was last read; empty for everybody else."""

    NOT_A_DIRECTORY_PERSON = "", _("not a directory person")
    PRESENT = "present", _("present")
    GONE = "gone", _("no longer in the directory")
    DISABLED = "disabled", _("disabled in the directory")
    OUTSIDE = "outside", _("not in a group that may sign in")
    REPLACED = "replaced", _("the name is somebody else’s now")


LET_IN_NOBODY = (
    DirectoryState.GONE,
    DirectoryState.DISABLED,
    DirectoryState.OUTSIDE,
    DirectoryState.REPLACED,
)
IS_SHUT_OUT = models.Q(is_active=False) | models.Q(directory_state__in=LET_IN_NOBODY)
"""Whose access is ended, or whom the directory lets in no more, whatever is granted to them."""


class Theme(models.TextChoices):
    """Which colours a person sees; ``auto`` is as their system says."""

    AUTO = "auto", _("As the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class UserManager(BaseUserManager["User"]):
    """Makes users in the three ways in which one can come to be."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a user by name, whatever its case."""
        return self.get(username=normal_username(username or ""))

    def create_placeholder(self, username: str) -> "User":
        """Keep a name that somebody was granted something under but nobody signed in with yet."""
        user = self.model(username=normal_username(username), origin=Origin.NONE_YET)
        user.set_unusable_password()
        user.save(using=self._db)
        return user

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        """Make a local person."""
        user = self.model(username=normal_username(username), origin=Origin.LOCAL, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> "User":
        """Make a local administrator."""
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in here, or a name that waits for one."""

    username = models.CharField(
        _("user name"), max_length=LONGEST_USERNAME, unique=True, validators=[check_username]
    )
    name = models.CharField(_("full name"), max_length=150, blank=True)
    email = models.EmailField(_("e-mail address"), blank=True)
    origin = models.CharField(
        _("origin"), max_length=9, choices=Origin.choices, default=Origin.NONE_YET
    )
    directory_id = models.CharField(
        _("directory id"), max_length=64, unique=True, null=True, blank=True, default=None
    )
    directory_state = models.CharField(
        _("directory state"),
        max_length=8,
        choices=DirectoryState.choices,
        default=DirectoryState.NOT_A_DIRECTORY_PERSON,
        blank=True,
    )
    directory_read = models.DateTimeField(_("directory read"), null=True, blank=True, default=None)
    record_key = models.CharField(
        max_length=32, unique=True, default=new_record_key, editable=False
    )
    # Empty is what the browser asks for, and UTC.
    language = models.CharField(_("language"), max_length=16, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(_("theme"), max_length=5, choices=Theme.choices, default=Theme.AUTO)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("administrator"), default=False)
    date_joined = models.DateTimeField(_("known since"), auto_now_add=True)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return self.username

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Django's hook for the rule of ``normal_username``."""
        return normal_username(username)

    @property
    def is_shut_out(self) -> bool:
        """Whether they come in no more, as IS_SHUT_OUT has it."""
        return not self.is_active or self.directory_state in LET_IN_NOBODY

    def get_full_name(self) -> str:
        """Return what to call the person on a page."""
        return self.name or self.username

    def get_short_name(self) -> str:
        """Return the first word of what to call the person."""
        return self.get_full_name().split(" ")[0]
