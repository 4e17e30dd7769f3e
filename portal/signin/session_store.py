"""Sessions in the database, under a hash of what the browser's cookie says.

Whoever reads a stolen database finds no session that a browser could be given: the cookie holds
160 random bits that are stored nowhere.
"""

import hashlib

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.contrib.sessions.base_session import AbstractBaseSession
from django.contrib.sessions.models import Session
from django.utils import timezone


class SessionStore(DatabaseSessions):
    """Django's own store with the key hashed on its way into the table."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return the table's model."""
        return Session

    def exists(self, session_key: str) -> bool:
        """Tell whether there is a session for a cookie."""
        return super().exists(_stored(session_key))

    def create_model_instance(self, data: dict[str, object]) -> AbstractBaseSession:
        """Return the row to be written."""
        row = super().create_model_instance(data)
        row.session_key = _stored(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """End the session of a cookie, or this one."""
        key = session_key or self.session_key
        if key:
            super().delete(_stored(key))

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        if not self.session_key:
            return None
        rows = Session.objects.filter(
            session_key=_stored(self.session_key), expire_date__gt=timezone.now()
        )
        row = rows.first()
        if row is None:
            self._session_key = None
        return row


def _stored(key: str) -> str:
    return hashlib.sha256(b"portal session\0" + key.encode()).hexdigest()[:40]
