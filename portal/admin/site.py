"""The administration's site: whoever is staff comes in by the portal's own sign-in.

Every try that is refused is a row of the record, whichever page it was on.
"""

from collections.abc import Callable, Iterable
from functools import cache, update_wrapper
from http import HTTPStatus
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from accounts.administration.changing import Administrator, tell_refusal
from accounts.errors import InvalidRequest, NotAllowed, NotLetIn, PortalError, gettext_noop
from portal.admin import autocomplete
from portal.admin.start.page import start
from portal.errors import DirectoryUnavailable
from portal.middleware import CONTENT_SECURITY_POLICY
from portal.pages.visitor import caller, signed_in_user
from portal.signin.refresh import require_let_in

View = Callable[..., HttpResponseBase]

# The portal has its own sign-in, sign-out and password page; the rest would serve Django's scripts.
_LEFT_OUT = {
    "login",
    "logout",
    "password_change",
    "password_change_done",
    "view_on_site",
    "jsi18n",
    "autocomplete",
}
# The comboboxes ask what there is.
_POLICY = f"{CONTENT_SECURITY_POLICY}; connect-src 'self'"
_READING = {"GET", "HEAD", "OPTIONS"}
_METHODS = {*_READING, "POST"}
UNREADABLE = (SuspiciousOperation, MultiPartParserError)
"""What reading a form may raise."""

_REFUSED = "portal.admin.refused"
# What a refused try leaves in the record, which nobody can ever make smaller again.
_MOST_NAMES = 30
_LONGEST_NAME = 100


def administrator(request: HttpRequest) -> Administrator:
    """Return who changes something, from where."""
    where = caller(request)
    return Administrator(signed_in_user(request), where.ip, where.user_agent, where.request_id)


class PortalAdminSite(AdminSite):
    """Django's administration in the portal's words."""

    enable_nav_sidebar = False
    site_header = "Sekisho"
    site_title = "Sekisho"
    empty_value_display = "–"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._pages: list[tuple[str, View, str]] = []

    def add_page(self, route: str, view: View, name: str) -> None:
        """Give the administration a page that is no model's."""
        self._pages.append((route, view, name))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Leave out what the portal has itself; add what the comboboxes ask."""
        urls = [url for url in super().get_urls() if getattr(url, "name", None) not in _LEFT_OUT]
        for url in urls:
            if isinstance(url, URLPattern):
                url.callback.login_url = reverse_lazy(settings.LOGIN_URL)  # type: ignore[attr-defined]
        names = path("names/<str:kind>/", self.admin_view(autocomplete.names), name="names")
        # Where Django's own sign-in would be: whoever follows an old link is signed in by now.
        login = path("login/", self.admin_view(self.app_index), name="login")
        pages = [path(route, self.admin_view(view), name=name) for route, view, name in self._pages]
        return [names, login, *pages, *urls]

    def pages_of(self, model: type[Model]) -> ModelAdmin | None:
        """Return the pages of a model's things, where there are any."""
        return self._registry.get(model)

    def index(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the start page."""
        return start(self, request)

    @method_decorator(require_safe)
    def app_index(  # type: ignore[override]
        self, request: HttpRequest, app_label: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Lead to the start page, which has everything."""
        return redirect("admin:index")

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # type: ignore[override]
        """Let staff in only, and record whoever tries what is not theirs.

        That somebody is signed in, that forms have their token and that nothing is cached, all
        pages of the portal have in common.
        """

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                if not self.has_permission(request):
                    raise _no_administrator()
                _require_text(request)
                self._require_still_theirs(request)
                response = _answer(view, request, *args, **kwargs)
            except (
                PermissionDenied,
                DisallowedModelAdminLookup,
                DisallowedModelAdminToField,
            ) as error:
                raise refuse(request, _not_theirs(error)) from None
            except (NotAllowed, NotLetIn, DirectoryUnavailable) as error:
                raise refuse(request, error) from None
            if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and _is_try(request):
                refuse(request, _nothing_to_send())
            elif response.status_code == HTTPStatus.OK and _REFUSED in request.META:
                # A form that is shown again says it at its field.
                response.status_code = HTTPStatus.FORBIDDEN
            response.headers["Content-Security-Policy"] = _POLICY
            return response

        return update_wrapper(guarded, view)

    def _require_still_theirs(self, request: HttpRequest) -> None:
        """Raise NotAllowed for who only sees and tries, and for a directory person who is out.

        Whoever looks is read as before a launch; whoever changes something is read in any case,
        and waits where that cannot be: who joined a group a moment ago must not grant to it.
        Superusers are free to. Raises NotLetIn, DirectoryUnavailable.
        """
        user = signed_in_user(request)
        if _is_try(request):
            require_let_in(user, refresh_seconds=0, must_answer=not user.is_superuser)
        else:
            require_let_in(user)
        # The directory may just have said that they administer no more.
        if not self.has_permission(request):
            raise _no_administrator()
        if _is_try(request) and _only_sees(request):
            raise _auditor()


Refusal = TypeVar("Refusal", bound=PortalError)


def refuse(request: HttpRequest, error: Refusal) -> Refusal:
    """Write the row of a refused try and return its error. Names of fields only, no values."""
    tried = {
        "change": "refused",
        "method": str(request.method),
        "path": request.path,
        "fields": _first(_sent(request) - {"csrfmiddlewaretoken"}),
        "query": _first(request.GET.keys()),
    }
    tell_refusal(administrator(request), tried, error)
    request.META[_REFUSED] = True
    return error


def _sent(request: HttpRequest) -> set[str]:
    try:
        return set(request.POST)
    except UNREADABLE:
        return set()


def _is_try(request: HttpRequest) -> bool:
    """Whether somebody wants to change something."""
    return request.method not in _READING


def _answer(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Return a page's answer; where Django's pages would take any word for reading, 405."""
    only_leads = getattr(view, "view_class", None) is RedirectView
    methods = _READING if only_leads else _METHODS
    if request.method not in methods:
        return HttpResponseNotAllowed(sorted(methods))
    return view(request, *args, **kwargs)


def _first(names: Iterable[str]) -> list[str]:
    """Return all names that fields have here, the first others, each cut, and how many are left."""
    ordered = sorted(names)
    ours = [name for name in ordered if name in _names_of_fields()]
    others = [name[:_LONGEST_NAME] for name in ordered if name not in _names_of_fields()]
    more = len(others[_MOST_NAMES:])
    return [*ours, *others[:_MOST_NAMES], *([f"and {more} more"] if more else [])]


@cache
def _names_of_fields() -> frozenset[str]:
    names: set[str] = set()
    for model, pages in site._registry.items():  # noqa: SLF001 our own site's
        names.update(field.name for field in model._meta.get_fields())  # noqa: SLF001 documented
        names.update(pages.form.base_fields)
    return frozenset(names)


def _require_text(request: HttpRequest) -> None:
    """Raise InvalidRequest for what no database keeps: a NUL, in the address or whatever is sent.

    In a form it is a try, and a row.
    """
    sent = (*request.GET.lists(), *request.POST.lists())
    texts = (text for name, values in sent for text in (name, *values))
    if any("\0" in text for text in (request.path, *texts)):
        error = InvalidRequest(
            log="a NUL was sent",
            message=gettext_noop("This cannot be a name or a text: it holds a NUL character."),
            next_step=gettext_noop("Type it again instead of pasting it."),
        )
        raise refuse(request, error) if _is_try(request) else error


def _only_sees(request: HttpRequest) -> bool:
    """Whether somebody has no right at all to change anything."""
    rights = signed_in_user(request).get_all_permissions()
    return not any("." in right and not right.split(".")[1].startswith("view_") for right in rights)


def _no_administrator() -> NotAllowed:
    return NotAllowed(
        log="no member of staff",
        message=gettext_noop("The administration is for administrators and auditors."),
        next_step=gettext_noop("If that should be you, ask an administrator."),
        code="NoAdministrator",
    )


def _auditor() -> NotAllowed:
    return NotAllowed(
        log="may only see",
        message=gettext_noop("You may see everything here, and change nothing."),
        next_step=gettext_noop("Ask an administrator to make this change."),
        code="Auditor",
    )


def _nothing_to_send() -> NotAllowed:
    return NotAllowed(
        log="nothing can be sent to this page",
        message=gettext_noop("This page only shows something; nothing can be sent to it."),
        next_step=gettext_noop("Change it on its own page."),
        code="MethodNotAllowed",
    )


def _not_theirs(error: Exception) -> NotAllowed:
    return NotAllowed(
        log=f"not theirs in the administration: {type(error).__name__}",
        message=gettext_noop("This is not yours to see or to change."),
        next_step=gettext_noop("Ask somebody with more rights; this try is in the record."),
    )


site = PortalAdminSite(name="admin")
