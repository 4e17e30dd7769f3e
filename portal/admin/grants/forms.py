"""The forms of grants: who should get into what, until when. Their rules are the domain's."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.administration.ends import (
    FIRST_DAY,
    LAST_DAY,
    End,
    end_of_day,
    moment_of_end,
    start_of_day,
)
from accounts.administration.grant_lines import read_names, read_patterns
from accounts.administration.grant_plan import LONGEST_NOTE, MOST_AT_ONCE, Wish
from accounts.models import Grant, check_person_name
from portal.admin.autocomplete import NamesInput, require_one_a_line

_LAST_MINUTE = time(23, 59)
_FREE = {"data-free": ""}
_DAYS = (MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY))


class _Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class _Clock(forms.TimeInput):
    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


class EndForm(forms.Form):
    """Until when: one of the usual ends, or a date and perhaps a time of the person's own zone.

    ``now`` is the moment after which an end has to lie; ``kept`` an end that may stay as it is.
    """

    end = forms.ChoiceField(
        label=_("ends"),
        choices=End.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose when it ends, or no end.")},
    )
    end_day = forms.DateField(label=_("on"), required=False, widget=_Day, validators=_DAYS)
    end_clock = forms.TimeField(
        label=_("at"), required=False, widget=_Clock, help_text=_("Without a time: all day.")
    )

    def __init__(
        self, *values: Any, now: datetime, kept: datetime | None = None, **options: Any
    ) -> None:
        super().__init__(*values, **options)
        self.now, self.kept = now, kept

    def clean(self) -> dict[str, Any]:
        """Add ``expires``, the moment that was chosen, or say at its field what will not do."""
        cleaned = dict(super().clean() or {})
        if "end" not in cleaned or "end_day" in self.errors or "end_clock" in self.errors:
            return cleaned
        end = End(cleaned["end"])
        # A form shows the day that a grant has: it is no choice until somebody writes another.
        if end is not End.ON and cleaned.get("end_day") and "end_day" in self.changed_data:
            self.add_error("end_day", _("To end it on this day, choose “On a date” above."))
            return cleaned
        if end is End.ON and not cleaned.get("end_day"):
            self.add_error("end_day", _("Choose the day on which it ends."))
            return cleaned
        cleaned["expires"] = self._moment(end, cleaned)
        if cleaned["expires"] != self.kept:
            self._require_future(end, cleaned["expires"])
        return cleaned

    def _moment(self, end: End, cleaned: Mapping[str, Any]) -> datetime | None:
        zone = timezone.get_current_timezone()
        if end is not End.ON:
            return moment_of_end(end, self.now, zone)
        day, clock = cleaned["end_day"], cleaned.get("end_clock")
        # A form shows minutes; whoever leaves them as they are changes nothing.
        if self.kept and as_end(self.kept) == as_end(end_of_day(day, zone, clock)):
            return self.kept
        return end_of_day(day, zone, clock)

    def _require_order(self, starts: datetime | None, expires: datetime | None) -> None:
        if starts and expires and expires <= starts and expires != self.kept:
            self.add_error("end", _("It would end before it begins."))

    def _require_future(self, end: End, expires: datetime | None) -> None:
        if expires is not None and expires <= self.now:
            self.add_error("end_day" if end is End.ON else "end", _("This moment is over."))


class GrantForm(EndForm):
    """Several roles for several people and groups at once. ``wish`` is what was asked for."""

    roles = forms.CharField(
        label=_("roles"),
        widget=NamesInput("role", _FREE),
        help_text=_(
            "account/role, one a line: payments-prod/Developer, payments-prod/* for every role, "
            "*/Auditor in every account, {team=payments}/* by the accounts’ tags."
        ),
        error_messages={"required": _("Say which role.")},
    )
    people = forms.CharField(
        label=_("people"),
        required=False,
        widget=NamesInput("user", _FREE),
        help_text=_("User names, one a line. A name that nobody has yet waits for its person."),
    )
    groups = forms.CharField(
        label=_("groups"),
        required=False,
        widget=NamesInput("group", _FREE),
        help_text=_("One a line. A group that is not known yet is the directory’s."),
    )
    start_day = forms.DateField(
        label=_("starts on"),
        required=False,
        widget=_Day,
        validators=_DAYS,
        help_text=_("Without a day: at once."),
    )
    start_clock = forms.TimeField(label=_("at"), required=False, widget=_Clock)
    note = forms.CharField(
        label=_("note"),
        required=False,
        max_length=LONGEST_NOTE,
        help_text=_("Why, for whoever reads it in a year; the person sees it too."),
    )
    also_change = forms.BooleanField(
        label=_("Give those that are there already this end and note"), required=False
    )

    def clean_roles(self) -> Any:
        """Return the patterns that the lines name."""
        return read_patterns(self.cleaned_data["roles"])

    def clean_people(self) -> Any:
        """Return names in their normal form."""
        names = read_names(self.cleaned_data["people"], check_person_name)
        require_one_a_line(names)
        return names

    def clean_groups(self) -> Any:
        """Return names in their normal form."""
        return read_names(self.cleaned_data["groups"])

    def clean(self) -> dict[str, Any]:
        """Check what one field alone does not say."""
        cleaned = dict(super().clean())
        self._require_somebody(cleaned)
        cleaned["starts"] = self._starts(cleaned)
        self._require_order(cleaned["starts"], cleaned.get("expires"))
        if not self.errors and _wish(cleaned).count > MOST_AT_ONCE:
            message = _("These are %(count)d grants; at most %(most)d can be made at once.")
            params = {"count": _wish(cleaned).count, "most": MOST_AT_ONCE}
            raise ValidationError(message, params=params)
        return cleaned

    @property
    def wish(self) -> Wish:
        """What was asked for; only of a form that is valid."""
        return _wish(self.cleaned_data)

    def _require_somebody(self, cleaned: Mapping[str, Any]) -> None:
        are_right = not {"people", "groups"} & self.errors.keys()
        if are_right and not (cleaned.get("people") or cleaned.get("groups")):
            self.add_error("people", _("Name a person or a group."))

    def _starts(self, cleaned: Mapping[str, Any]) -> datetime | None:
        day, clock = cleaned.get("start_day"), cleaned.get("start_clock")
        if clock and not day and "start_day" not in self.errors:
            self.add_error("start_day", _("Choose the day on which it begins."))
        return start_of_day(day, timezone.get_current_timezone(), clock) if day else None


class ChangeForm(EndForm):
    """Another end or note of a grant; what else it says makes it that grant."""

    note = GrantForm.base_fields["note"]
    starts: datetime | None = None

    @classmethod
    def of(cls, grant: Grant, data: Any, now: datetime) -> "ChangeForm":
        """Return the form, filled in with what the grant has where nothing was sent."""
        initial = {"note": grant.note, **as_end(grant.expires)}
        form = cls(data, now=now, kept=grant.expires, initial=initial)
        form.starts = grant.starts
        return form

    def clean(self) -> dict[str, Any]:
        """Check the end against the start that the grant has."""
        cleaned = super().clean()
        self._require_order(self.starts, cleaned.get("expires"))
        return cleaned


def as_end(moment: datetime | None) -> dict[str, Any]:
    """Return what the fields of an end show for a moment."""
    if moment is None:
        return {"end": End.NEVER}
    there = timezone.localtime(moment)
    clock = there.time().replace(second=0, microsecond=0)
    shown = None if clock == _LAST_MINUTE else clock
    return {"end": End.ON, "end_day": there.date(), "end_clock": shown}


def _wish(cleaned: Mapping[str, Any]) -> Wish:
    return Wish(
        people=cleaned["people"],
        groups=cleaned["groups"],
        patterns=cleaned["roles"],
        starts=cleaned["starts"],
        expires=cleaned["expires"],
        note=cleaned["note"],
    )
