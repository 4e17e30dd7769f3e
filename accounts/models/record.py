"""The record's rows: only ever inserted, text without references, chained by a keyed hash."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Phase(models.TextChoices):
    """Which of an act's rows this is."""

    OPENED = "opened", _("opened")
    CLOSED = "closed", _("closed")
    SINGLE = "single", _("single")


class Outcome(models.TextChoices):
    """How an act ended; ``started`` is an act that has not."""

    STARTED = "started", _("started")
    SUCCEEDED = "succeeded", _("succeeded")
    DENIED = "denied", _("denied")
    FAILED = "failed", _("failed")


class Action(models.TextChoices):
    """What somebody did."""

    SIGN_IN = "sign-in", _("sign-in")
    SIGN_OUT = "sign-out", _("sign-out")
    LAUNCH = "launch", _("launch")
    CREDENTIALS = "credentials", _("credentials")
    ACCESS_APPLY = "access-apply", _("access file applied")
    ADMIN_CHANGE = "admin-change", _("administrator's change")


class Entry(models.Model):
    """One row of the record. Triggers refuse every change of it.

    ``id`` is its number in the chain, from 1 without gaps. ``act_id`` is shared by an act's
    rows, ``time`` is when the act began (both RFC 3339 text in UTC, so that what is hashed is
    what is stored). A closed row repeats what its opened row said. ``details`` is a JSON object.
    """

    id = models.BigIntegerField(primary_key=True)
    act_id = models.CharField(max_length=32)
    phase = models.CharField(max_length=6, choices=Phase.choices)
    time = models.CharField(max_length=27)
    written = models.CharField(max_length=27)
    actor = models.CharField(max_length=200)
    actor_key = models.CharField(max_length=32, blank=True)
    action = models.CharField(max_length=12, choices=Action.choices)
    account = models.CharField(max_length=100, blank=True)
    role = models.CharField(max_length=576, blank=True)
    method = models.CharField(max_length=16, blank=True)
    source = models.CharField(max_length=100, blank=True)
    grant = models.TextField(blank=True)
    session_name = models.CharField(max_length=64, blank=True)
    source_identity = models.CharField(max_length=64, blank=True)
    access_key_id = models.CharField(max_length=128, blank=True)
    region = models.CharField(max_length=32, blank=True)
    destination = models.TextField(blank=True)
    duration_seconds = models.PositiveIntegerField(null=True)
    expires = models.CharField(max_length=27, blank=True)
    reason = models.TextField(blank=True)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.TextField(blank=True)
    request_id = models.CharField(max_length=32, blank=True)
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    error = models.TextField(blank=True)
    details = models.TextField(default="{}")
    previous_hash = models.CharField(max_length=64, blank=True)
    key_id = models.CharField(max_length=16)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        constraints = (
            models.UniqueConstraint(fields=("act_id", "phase"), name="one_row_a_phase_of_an_act"),
        )
        # Whatever a page of the record asks for is walked from its newest row on, so each index
        # ends with the order of pages. ``accounts.history`` says which serves what.
        indexes = (
            models.Index(fields=("time", "id"), name="entry_by_time"),
            # What a person's lines and year are counted from stands in the index itself.
            models.Index(
                fields=("actor_key", "time", "id", "phase", "action", "outcome", "account"),
                name="entry_by_actor_key",
            ),
            models.Index(
                fields=("actor", "time", "id", "phase", "action", "outcome", "account"),
                name="entry_by_actor",
            ),
            models.Index(fields=("account", "time", "id"), name="entry_by_account"),
            models.Index(fields=("account", "role", "time", "id"), name="entry_by_role"),
            models.Index(fields=("action", "time", "id"), name="entry_by_action"),
            models.Index(
                fields=("time", "id"),
                condition=models.Q(outcome__in=(Outcome.DENIED, Outcome.FAILED)),
                name="entry_by_trouble",
            ),
            models.Index(fields=("session_name", "time", "id"), name="entry_by_session_name"),
            models.Index(fields=("ip", "time", "id"), name="entry_by_ip"),
            models.Index(fields=("request_id",), name="entry_by_request_id"),
            models.Index(fields=("access_key_id",), name="entry_by_access_key_id"),
        )

    def __str__(self) -> str:
        return f"{self.id} {self.action} {self.outcome}"


class RecordHead(models.Model):
    """Where the chain ends: one row, locked by whoever writes, with a keyed hash of its own.

    It is what shows that rows at the end have gone.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    count = models.BigIntegerField()
    hash = models.CharField(max_length=64, blank=True)
    key_id = models.CharField(max_length=16)
    mac = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("record head")
        verbose_name_plural = _("record heads")

    def __str__(self) -> str:
        return f"{self.count} {self.hash}"
