"""What all pages of the administration have in common.

Changes are told in the record, before and after; what the access file manages is only shown; what
is deleted takes along what its page has said; a form takes the fields that it has and no others.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin, ShowFacets, display
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote, unquote
from django.contrib.messages import INFO, WARNING, success, warning
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import Count, Model, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.administration import naming
from accounts.administration.changing import Changes, Told, changing
from accounts.administration.removal import plural_of, remove, require_removable, what_goes_with
from accounts.errors import NotAllowed
from accounts.models import Action, Bookmark
from portal.admin.autocomplete import NameField, offer_names
from portal.admin.counted import CountedList
from portal.admin.removing import READ_WITH, Removal, chosen_keys, delete_selected
from portal.admin.site import administrator, refuse, site
from portal.pages.visitor import signed_in_user
from portal.pages.wording import sentences

_CHANGES = "portal.admin.changes"
_BEFORE = "portal.admin.before"
_STAMP = "portal.admin.stamp"
_DELETED = "portal.admin.deleted"
_CHOICES = ("exact", "in", "isnull")
STAMP = "stamp"
"""What a form posts to say of which values it was made."""

_POSTED_BY_ALL = {"csrfmiddlewaretoken", STAMP, "_save", "_continue", "_addanother"}

# No list or box of the page's own grows with the database; moments have one box and a label.
_FIELDS: Mapping[type[models.Field], dict[str, Any]] = {
    models.DateTimeField: {
        "form_class": forms.DateTimeField,
        "widget": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    },
    models.TextField: {"widget": forms.Textarea(attrs={"rows": 6, "spellcheck": "false"})},
    models.JSONField: {"widget": forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})},
    models.CharField: {"widget": forms.TextInput()},
    models.EmailField: {"widget": forms.EmailInput()},
    models.PositiveIntegerField: {"widget": forms.NumberInput()},
}

site.disable_action("delete_selected")
site.add_action(delete_selected)


def changes_of(request: HttpRequest) -> Changes:
    """Return where a change in this request is told; only within ``recorded``."""
    changes: Changes = request.META[_CHANGES]
    return changes


def seen_columns(request: HttpRequest, columns: Iterable[Any]) -> Sequence[Any]:
    """Return a list's columns, without the number of grants for who may not see grants."""
    if request.user.has_perm("accounts.view_grant"):
        return tuple(columns)
    return tuple(column for column in columns if column != "grants_shown")


class Refused(ValidationError):
    """What is not theirs to do, said at the field of a form. The try is a row of the record."""

    def __init__(self, error: NotAllowed) -> None:
        super().__init__(sentences(error))
        self.error = error


class RecordedAdmin(ModelAdmin):
    """A model's pages: whatever is saved or deleted is told in the record, before and after.

    ``kind`` is what the record calls such a thing. ``identity_fields`` are what it is known by:
    they are chosen once and never changed. ``is_known_by_place``: its ``place`` is its alone, and
    the name that pages call it may change.
    """

    kind: str
    told_fields: Sequence[str] = ()
    identity_fields: Sequence[str] = ()
    is_known_by_place = False
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = list_max_show_all = 50
    actions_on_bottom = False
    view_on_site = False
    formfield_overrides = _FIELDS

    def words(self, thing: Any) -> str:
        """Return what pages call a thing."""
        return str(thing)

    @display(description=mark_safe('<input type="checkbox" id="action-toggle">'))
    def action_checkbox(self, obj: Any) -> SafeString:
        """Show the box that chooses a thing for an action, named as pages call the thing."""
        label = gettext("Choose %(thing)s") % {"thing": self.words(obj)}
        box = forms.CheckboxInput({"class": "action-select", "aria-label": label}, lambda _: False)
        return box.render(ACTION_CHECKBOX_NAME, str(obj.pk))

    # --- what the record is told ---

    def facts(self, thing: Model) -> Mapping[str, Any]:
        """Return what the record keeps of a thing; never a secret."""
        return {name: _plain(getattr(thing, name)) for name in self.told_fields}

    def recorded_name(self, thing: Any) -> str:
        """Return what the record calls a thing, and finds its changes by."""
        return str(thing)

    def place(self, thing: Model) -> tuple[str, str]:
        """Return the account's id and the role's name that a row about the thing is found by."""
        return "", ""

    def last_facts(self, thing: Model) -> Mapping[str, Any]:
        """Return what the record tells of a thing that goes."""
        return self.facts(thing)

    def told(
        self,
        change: str,
        thing: Model,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> Told:
        """Put a change in the record's words: of what is there before and after the difference."""
        account, role = self.place(thing)
        if before is not None and after is not None:
            different = [name for name in after if before.get(name) != after[name]]
            before = {name: before.get(name) for name in different}
            after = {name: after[name] for name in different}
        return Told(change, self.kind, self.recorded_name(thing), before, after, account, role)

    def changes_url(self, thing: Model) -> str:
        """Return the record, filtered by what was done to a thing."""
        account, role = self.place(thing) if self.is_known_by_place else ("", "")
        which = {"account": account, "role": role}
        which = which if account else {"name": self.recorded_name(thing)}
        query = {"action": Action.ADMIN_CHANGE, "kind": self.kind, **which}
        query = {name: value for name, value in query.items() if value}
        return f"{reverse('admin:accounts_entry_changelist')}?{urlencode(query)}"

    # --- every way in which something is changed ---

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any | None:
        """Return a thing; what is being changed is held, and is as it is by then.

        A form saves all of it: what others write meanwhile must not be written over. What they
        wrote before, while it was looked at, shows in the stamp.
        """
        thing = super().get_object(request, object_id, from_field)
        if thing is None:
            return None
        if _CHANGES in request.META:
            try:
                thing.refresh_from_db(from_queryset=self.model.objects.select_for_update())
            except self.model.DoesNotExist:
                return None
        request.META[_STAMP] = self.stamp(thing)
        return thing

    def stamp(self, thing: Model) -> str:
        """Return a word for a thing's values: another word where any is different."""
        told = json.dumps(self.facts(thing), sort_keys=True, default=str)
        return salted_hmac(f"{_STAMP}.{self.kind}.{thing.pk}", told, algorithm="sha256").hexdigest()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show or save a form; what it saves is told, and what it refused."""
        with recorded(request):
            response = super().changeform_view(request, object_id, form_url, extra_context)
        for error in _refused_by_form(response):
            refuse(request, error)
        return response

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any | None = None,
    ) -> HttpResponse:
        """Give the page the way to the thing's changes in the record."""
        offer_names(context["adminform"].form, to=signed_in_user(request))
        if obj is not None and request.user.has_perm("accounts.view_entry"):
            context["changes_url"] = self.changes_url(obj)
        if obj is not None:
            context["subtitle"] = self.words(obj)
            context["stamp"] = request.META[_STAMP]
        return super().render_change_form(request, context, add, change, form_url, obj)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CountedList]:
        """Count for the filters where it is cheap."""
        return CountedList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        """Show the list, or do something to many of it and tell each."""
        if request.method == "POST":
            self._require_own_action(request)
        with recorded(request):
            return super().changelist_view(request, extra_context)

    @method_decorator(require_safe)
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the record: Django's own log is not kept."""
        thing = self.get_object(request, unquote(object_id))
        if thing is None or not self.has_view_permission(request, thing):
            raise PermissionDenied
        return redirect(self.changes_url(thing))

    def _require_own_action(self, request: HttpRequest) -> None:
        """Raise PermissionDenied for what the page did not offer; name each of the chosen rows."""
        actions, named = self.get_actions(request), request.POST.getlist("action")
        # Of several Django takes the one that ``index`` says; of none at all a page sends one.
        if not actions or not named or not actions.keys() >= set(filter(None, named)):
            raise PermissionDenied
        are_all = request.POST.get("select_across") == "1"
        keys = ["all"] if are_all else chosen_keys(request.POST)
        if not are_all:
            self._require_keys([*keys, *request.POST.getlist(ACTION_CHECKBOX_NAME)])
        if keys and ACTION_CHECKBOX_NAME not in request.POST:
            posted = request.POST.copy()
            posted.setlist(ACTION_CHECKBOX_NAME, keys)
            request.POST = posted  # type: ignore[assignment]

    def _require_keys(self, keys: Iterable[str]) -> None:
        """Raise PermissionDenied for what is no key of these things: a number that none can be."""
        pk = self.model._meta.pk  # noqa: SLF001 documented
        try:
            for key in keys:
                pk.run_validators(pk.to_python(key))
        except ValidationError:
            raise PermissionDenied from None

    def save_model(self, request: HttpRequest, obj: Model, form: BaseForm, change: bool) -> None:
        """Save, and remember what was there."""
        there = self.model.objects.filter(pk=obj.pk).first() if change else None
        request.META[_BEFORE] = self.facts(there) if there is not None else None
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what hangs on it, and tell the whole."""
        super().save_related(request, form, formsets, change)
        thing = self.model.objects.get(pk=form.instance.pk)
        before, after = request.META[_BEFORE], self.facts(thing)
        if before != after:
            word = "add" if before is None else "change"
            changes_of(request).tell(self.told(word, thing, before, after))

    # --- deleting ---

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, saying what goes with it; or delete and tell."""
        with recorded(request):
            thing = self.get_object(request, unquote(object_id))
            context = {**(extra_context or {})}
            if thing and self.has_delete_permission(request, thing):
                removal = Removal.of(self.model.objects.filter(pk=thing.pk), request)
                if removal.has_moved:
                    # Django asks wherever nothing was posted.
                    request.POST = QueryDict()
                context["removal"] = removal
                context["subtitle"] = self.words(thing)
                name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
                context["object_url"] = reverse(name, args=[thing.pk])
            return super().delete_view(request, object_id, context)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Collect nothing here: ``Removal`` says what goes, and how much of it."""
        things = self.model.objects.filter(pk__in=[thing.pk for thing in objs])
        lacking = {
            plural_of(rows.model)
            for rows in what_goes_with(things)
            if not request.user.has_perm(_right_to_delete(rows.model)) and rows.exists()
        }
        return [], {}, lacking, []

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete and tell, with everything that goes along."""
        request.META[_DELETED] = self.words(obj)
        self.delete_queryset(request, self.model.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Delete many and tell each, and each thing that goes along. Raises NotAllowed."""
        taken = what_goes_with(queryset)
        require_removable(queryset, taken, signed_in_user(request))
        if not all(self.has_delete_permission(request, thing) for thing in queryset.all()):
            raise PermissionDenied
        changes = changes_of(request)
        for rows in (*taken, queryset):
            for change in _told_deletions(rows):
                changes.tell(change)
        remove(queryset, taken)

    # --- what is said when it is done, in a few words of the portal's own ---

    def message_user(
        self,
        request: HttpRequest,
        message: object,
        level: int | str = INFO,
        extra_tags: str = "",
        fail_silently: bool = False,
    ) -> None:
        """Leave out Django's sentences; what is left is its warning of a list."""
        if level == WARNING:
            warning(request, gettext("Nothing was chosen, so nothing has changed."))

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Say what was made, with the way to it."""
        success(request, _with_thing(gettext("%(thing)s was added."), self._link(obj)))
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Say what was saved, with the way to it."""
        success(request, _with_thing(gettext("%(thing)s was saved."), self._link(obj)))
        return super().response_change(request, obj)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """Say what is gone."""
        gone = request.META[_DELETED]
        success(request, _with_thing(gettext("%(thing)s was deleted."), gone))
        return super().response_delete(request, obj_display, obj_id)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Say that there is no such thing, on the list of those that there are."""
        warning(request, gettext("What you asked for is not here. Perhaps it was deleted."))
        return redirect(f"admin:{opts.app_label}_{opts.model_name}_changelist")

    def _link(self, thing: Model) -> SafeString:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        address = reverse(name, args=[quote(thing.pk)])
        return format_html('<a href="{}">{}</a>', address, self.words(thing))

    # --- what came from the access file, and what a thing is known by, are read-only here ---

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Say whether it is theirs to change: what the access file manages is nobody's here."""
        is_ours = not getattr(obj, "from_file", False)
        return is_ours and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Say whether it is theirs to delete."""
        is_ours = not getattr(obj, "from_file", False)
        return is_ours and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Keep what a thing is known by as it is."""
        fields = super().get_readonly_fields(request, obj)
        return (*fields, *self.identity_fields) if obj is not None else tuple(fields)

    # --- fields ---

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form's class, made for this request: it knows its ``administrator``.

        Raises PermissionDenied for fields that it does not have.
        """
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        # Django asks with no fields for the names of all there could be.
        is_posted = request.method == "POST" and kwargs.get("fields", ()) is not None
        if is_posted:
            further = self.further_posted_fields(request)
            require_known_fields(request, (*form.base_fields, *further))
        form.administrator = signed_in_user(request)
        if is_posted and obj is not None and request.POST.get(STAMP) != request.META[_STAMP]:
            return _refusing_stale(form)
        return form

    def further_posted_fields(self, request: HttpRequest) -> Iterable[str]:
        """Return names that a page posts beside its form's own fields."""
        return ()

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Let a person, group, account, role or source be named, not chosen from all there are."""
        kind = naming.kind_of(db_field.remote_field.model)
        if kind is None:
            return super().formfield_for_foreignkey(db_field, request, **kwargs)
        options = {
            "required": not db_field.blank,
            "label": capfirst(db_field.related_model._meta.verbose_name),  # noqa: SLF001
            "help_text": db_field.help_text,
            "initial": db_field.get_default() if db_field.has_default() else None,
        }
        return NameField(kind, **{**options, **kwargs})

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Leave out Django's links to pages that would open in another window."""
        if isinstance(db_field, models.ForeignKey):
            return self.formfield_for_foreignkey(db_field, request, **kwargs)
        if isinstance(db_field, models.ManyToManyField):
            return self.formfield_for_manytomany(db_field, request, **kwargs)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Find by the first few words: each is a condition, and a database takes only so many."""
        words = search_term.split()[: naming.MOST_WORDS]
        return super().get_search_results(request, queryset, " ".join(words))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Let a list be filtered by what it offers alone: by no secret, and by no pattern."""
        offered: set[str] = set()
        for each in self.get_list_filter(request):
            if isinstance(each, str):
                offered.update(f"{each}__{choice}" for choice in _CHOICES)
            else:
                offered.add(each.parameter_name)  # type: ignore[union-attr]
        return lookup in offered

    # --- Django's own log would be a second record, which anybody may alter ---

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        """Leave it to the record."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        """Leave it to the record."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:  # type: ignore[override]
        """Leave it to the record."""


def require_known_fields(request: HttpRequest, names: Iterable[str]) -> None:
    """Raise PermissionDenied for posted fields that a form does not have; superusers are free."""
    known = _POSTED_BY_ALL | set(names)
    if not signed_in_user(request).is_superuser and not known.issuperset(request.POST):
        raise PermissionDenied


def recorded(request: HttpRequest) -> AbstractContextManager[Any]:
    """Open what a POST may change in; a GET changes nothing."""
    if request.method != "POST":
        return nullcontext()
    return _Recorded(request)


class _Recorded:
    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._block = changing(administrator(request))

    def __enter__(self) -> None:
        self._request.META[_CHANGES] = self._block.__enter__()

    def __exit__(self, *error: Any) -> bool | None:
        del self._request.META[_CHANGES]
        return self._block.__exit__(*error)


def _with_thing(sentence: str, thing: str) -> SafeString:
    """Fill a thing's name, or the link to it, into a sentence; neither is markup by itself."""
    return format_html(sentence.replace("%(thing)s", "{}"), thing)


def _refusing_stale(form: type[BaseForm]) -> type[BaseForm]:
    """Return the form's class as it refuses what was typed over other values, and keeps it."""

    class Stale(form):  # type: ignore[misc, valid-type]
        def full_clean(self) -> None:
            super().full_clean()
            self.add_error(
                None,
                gettext(
                    "Somebody saved other values while you looked. What stands here is what you "
                    "typed: compare it with the page as it is now, then save again."
                ),
            )

    return Stale


def _refused_by_form(response: HttpResponse) -> list[NotAllowed]:
    """Return what a form that is shown again refused, each once."""
    shown = getattr(response, "context_data", None) or {}
    if "errors" not in shown:
        return []
    said = shown["adminform"].form.errors.as_data().values()
    return [each.error for errors in said for each in errors if isinstance(each, Refused)]


def _told_deletions(rows: QuerySet) -> list[Told]:
    """Return what the record is told of things that go; memberships are told by their ends."""
    pages = site.pages_of(rows.model)
    if not isinstance(pages, RecordedAdmin):
        return []
    if rows.model is Bookmark:
        own, rows = rows.filter(group=None), rows.exclude(group=None)
        return [*_told_own_bookmarks(own), *_told_one_by_one(rows, pages)]
    return _told_one_by_one(rows, pages)


def _told_one_by_one(rows: QuerySet, pages: RecordedAdmin) -> list[Told]:
    rows = rows.select_related(*READ_WITH.get(rows.model, ())).order_by("pk")
    return [pages.told("delete", thing, pages.last_facts(thing), None) for thing in rows]


def _told_own_bookmarks(rows: QuerySet) -> Iterator[Told]:
    """Say how many of people's own lead to each role that goes, and no more of them."""
    places = rows.order_by("account_id", "role_name").values_list("account_id", "role_name")
    for account_id, role_name, number in places.annotate(number=Count("pk")):
        before = {"number": number}
        yield Told("delete", "bookmark", "people’s own", before, None, account_id, role_name)


def _right_to_delete(model: type[Model]) -> str:
    return f"accounts.delete_{model.__name__.lower()}"


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
