"""Every address of the portal; ``/healthz`` and ``/readyz`` are answered before routing."""

from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import StringConverter

from portal.admin.registry import site
from portal.pages import (
    bookmarks,
    bookmarks_export,
    credentials,
    errors,
    history,
    home,
    launch,
    settings,
    sign_in,
)


class RoleConverter(StringConverter):
    """A role's name with its path; even a line break in it is answered and recorded as typed."""

    regex = "(?s:.+)"


register_converter(RoleConverter, "role")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("admin/", site.urls),
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("go/<str:account>/<role:role>/", launch.launch, name="launch"),
    path("options/<str:account>/<role:role>/", launch.options, name="options"),
    path("bookmarks/", bookmarks.bookmarks, name="bookmarks"),
    path("bookmarks/export.html", bookmarks_export.export, name="bookmarks-export"),
    path("bookmarks/<int:bookmark>/", bookmarks.bookmark, name="bookmark"),
    path("bookmarks/<int:bookmark>/move/", bookmarks.move, name="move-bookmark"),
    path("bookmarks/<int:bookmark>/delete/", bookmarks.delete, name="delete-bookmark"),
    path("history/", history.history, name="history"),
    path("history/export.<str:form>", history.export, name="history-export"),
    path("settings/", settings.settings, name="settings"),
    path("settings/password/", settings.password, name="password"),
    path("credentials/<str:account>/<role:role>/", credentials.credentials, name="credentials"),
]

handler400 = errors.bad_request
handler404 = errors.not_found
handler500 = errors.server_error
