"""What is done to one person, each by a page of its own: access, sessions, a password."""

from collections.abc import Callable
from functools import partial

from django.contrib.admin import ModelAdmin
from django.contrib.messages import success
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext

from accounts import local_people
from accounts.administration import people
from accounts.administration.changing import changing
from accounts.models import User
from portal.admin.asking import Question, ask
from portal.admin.people.forms import PasswordForm
from portal.admin.site import administrator
from portal.pages.visitor import signed_in_user
from portal.signin.ending import end_sessions
from portal.signin.hashing import hashing

Page = Callable[[ModelAdmin, HttpRequest, User], HttpResponse]


def done_to_person_urls(admin: ModelAdmin) -> list[URLPattern]:
    """Return the addresses of the pages that end access and sessions and give a password."""
    pages: list[tuple[str, Page]] = [
        ("access", _access),
        ("password", _password),
        ("sessions", _sessions),
    ]
    return [
        path(
            f"<int:person>/{word}/",
            admin.admin_site.admin_view(partial(_about_person, admin, page)),
            name=f"accounts_user_{word}",
        )
        for word, page in pages
    ]


def _about_person(admin: ModelAdmin, page: Page, request: HttpRequest, person: int) -> HttpResponse:
    if not admin.has_view_permission(request):
        raise PermissionDenied
    subject = User.objects.filter(pk=person).first()
    if subject is None:
        raise Http404
    return page(admin, request, subject)


def _access(admin: ModelAdmin, request: HttpRequest, subject: User) -> HttpResponse:
    """Ask, then end somebody's access or give it back."""
    if not people.may_switch(signed_in_user(request), subject):
        raise people.not_theirs(f"{subject.username!r} is not theirs to switch off or on")
    if request.method != "POST":
        return ask(request, admin, _about_access(subject, signed_in_user(request)))
    wanted = request.POST.get("is_active") == "1"
    if people.switch(administrator(request), subject, is_active=wanted):
        # They would be theirs again with the access.
        end_sessions([subject.pk])
        done = gettext("%(name)s may sign in again.") if wanted else gettext("%(name)s is out.")
        success(request, done % {"name": subject.username})
    return redirect(_page_of(subject))


def _sessions(admin: ModelAdmin, request: HttpRequest, subject: User) -> HttpResponse:
    """Ask, then sign somebody out everywhere."""
    if not people.may_switch(signed_in_user(request), subject):
        raise people.not_theirs(f"the sessions of {subject.username!r} are not theirs to end")
    if request.method != "POST":
        return ask(request, admin, _about_sessions(subject))
    with changing(administrator(request)) as changes:
        number = end_sessions([subject.pk])
        people.tell_sessions_ended(changes, subject, number)
    done = ngettext("%(n)s session ended.", "%(n)s sessions ended.", number)
    success(request, done % {"n": number})
    return redirect(_page_of(subject))


def _password(admin: ModelAdmin, request: HttpRequest, subject: User) -> HttpResponse:
    """Ask for a password and give it to somebody."""
    people.require_superuser(signed_in_user(request))
    local_people.require_password_of_ours(subject)
    form = PasswordForm(subject, request.POST or None)
    if request.method == "POST" and form.is_valid():
        with hashing():
            people.give_password(administrator(request), subject, form.cleaned_data["password"])
        done = gettext("%(name)s has a new password; all their sessions end.")
        success(request, done % {"name": subject.username})
        return redirect(_page_of(subject))
    context = {
        **admin.admin_site.each_context(request),
        "title": gettext("A password for %(name)s") % {"name": subject.username},
        "opts": admin.opts,
        "form": form,
        "original": subject,
    }
    return TemplateResponse(request, "admin/accounts/user/password.html", context)


def _page_of(person: User) -> str:
    return reverse("admin:accounts_user_change", args=[person.pk])


def _still_open(person: User, reader: User) -> tuple[str, str] | None:
    if not reader.has_perm("accounts.view_entry"):
        return None
    query = urlencode({"person": person.username, "what": "open"})
    address = f"{reverse('admin:accounts_entry_changelist')}?{query}"
    return gettext("See what is still open in AWS"), address


def _about_access(person: User, reader: User) -> Question:
    name = {"name": person.username}
    if not person.is_active:
        return Question(
            heading=gettext("Give %(name)s access again?") % name,
            sentences=[gettext("They may sign in again, and enter what their grants allow.")],
            button=gettext("Give access again"),
            back=_page_of(person),
            hidden={"is_active": ["1"]},
        )
    return Question(
        heading=gettext("End the access of %(name)s now?") % name,
        sentences=[
            gettext(
                "With their next click they are signed out: no launch, no credentials, no sign-in "
                "until somebody gives access again. Their grants stay as they are."
            ),
            gettext(
                "What they have opened in AWS already goes on until it ends there; the record says "
                "which sessions these are."
            ),
        ],
        button=gettext("End access of %(name)s") % name,
        back=_page_of(person),
        is_danger=True,
        look=_still_open(person, reader),
        hidden={"is_active": ["0"]},
    )


def _about_sessions(person: User) -> Question:
    name = {"name": person.username}
    return Question(
        heading=gettext("Sign %(name)s out everywhere?") % name,
        sentences=[
            gettext(
                "All their sessions in the portal end with the next click. They may sign in again."
            )
        ],
        button=gettext("End all sessions"),
        back=_page_of(person),
        is_danger=True,
    )
