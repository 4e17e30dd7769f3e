"""How often accounts were opened, counted ahead, so that a year's plot need not read the record.

Only a help for plots: it says nothing that the record does not say, and is made anew from it.
"""

from django.db import models


class Tally(models.Model):
    """How far the record has been counted: one row. ``counted`` is the last entry's number."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    counted = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.counted)


class QuarterTally(models.Model):
    """What began within a quarter of an hour: days of every time zone are made of quarters.

    ``quarter`` is its start in UTC, ``2026-11-25T12:15``. ``launches`` opened a console, so many
    of them in ``production``; ``trouble`` are launches and credentials that were denied or failed.
    """

    quarter = models.CharField(max_length=16, primary_key=True)
    launches = models.PositiveIntegerField(default=0)
    production = models.PositiveIntegerField(default=0)
    trouble = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.quarter} {self.launches}"


class AccountTally(models.Model):
    """How many launches opened an account in a month of UTC, ``2026-11``."""

    month = models.CharField(max_length=7)
    account = models.CharField(max_length=100)
    launches = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=("month", "account"), name="one_tally_a_month_of_an_account"
            ),
        )

    def __str__(self) -> str:
        return f"{self.month} {self.account} {self.launches}"
