"""Django's own backend, for people with a password of the portal's own and for every session.

A directory person's password is asked of the directory (``sign_in``), never here; their session
ends with the request after the directory stopped letting them in.
"""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts.models import DirectoryState, Origin, User

_MAY_STAY = (DirectoryState.NOT_A_DIRECTORY_PERSON, DirectoryState.PRESENT)


class AccessEnded(Exception):
    """The password is right, and an administrator has ended its person's access."""


class _Passwords(ModelBackend):
    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        return True


class PortalBackend(ModelBackend):
    """Knows whom a session may belong to."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the local person whose name and password these are. Raises AccessEnded."""
        user = _Passwords().authenticate(request, username=username, password=password, **kwargs)
        if not isinstance(user, User) or user.origin != Origin.LOCAL:
            return None
        if not self.user_can_authenticate(user):
            raise AccessEnded
        return user

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        """Tell whether somebody may be signed in; asked at every request of a session."""
        if not isinstance(user, User) or user.directory_state not in _MAY_STAY:
            return False
        return super().user_can_authenticate(user)
