"""The backend itself: Django's own, over connections with a deadline."""

import select
import time
from typing import Any, TypeVar

import psycopg
from django.db.backends.postgresql import base
from psycopg import IsolationLevel
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

from accounts.database.postgresql import patience

Answer = TypeVar("Answer")

_CHECK_SECONDS = 0.1


class NoAnswerInTime(psycopg.OperationalError):
    """The server said nothing for as long as this process waits; the connection is given up."""


def _without_values(error: psycopg.Error) -> str:
    """Return what an error says, but for the values of a row, such as a password's hash.

    PostgreSQL tells them in DETAIL and CONTEXT, and where a value is malformed in the message too.
    """
    if isinstance(error, psycopg.DataError):
        return type(error).__name__
    return error.diag.message_primary or str(error)


class Connection(psycopg.Connection[Any]):
    """A connection that is given up when an answer takes longer than ``longest_wait`` seconds."""

    longest_wait: float | None = None

    def wait(
        self, gen: PQGen[Answer], interval: float = _CHECK_SECONDS, timeout: float | None = None
    ) -> Answer:
        """Wait for an answer. Raises NoAnswerInTime, or psycopg's error without a row's values."""
        limit = timeout if timeout is not None else self.longest_wait
        began = time.monotonic()
        try:
            return super().wait(gen, interval, limit)
        except psycopg.Error as error:
            is_active = self.pgconn.transaction_status == TransactionStatus.ACTIVE
            if is_active and limit is not None and time.monotonic() - began >= limit:
                # It was we who stopped waiting, and what the server does with the statement
                # nobody knows. What was not committed it will roll back.
                self.pgconn.finish()
                raise NoAnswerInTime(f"no answer within {limit:g} s") from None
            error.args = (_without_values(error),)
            raise

    def is_hung_up(self) -> bool:
        """Whether the server ended the connection, as far as this side has heard.

        A resting connection has nothing to read; a word from the server means its end, or a
        change that a new connection takes along. That costs no question to the server.
        """
        if self.closed or self.broken:
            return True
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(0))


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's PostgreSQL with patience; a connection that ended is noticed without a question."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return what psycopg is to connect with: Django's own and the time limits."""
        limits = patience()
        params: dict[str, Any] = super().get_connection_params()
        options = (params.get("options", ""), limits.server_options)
        return {
            "connect_timeout": limits.connect,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": limits.answer * 1000,
            **params,
            "options": " ".join(filter(None, options)),
        }

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        """Connect. The record relies on READ COMMITTED, whatever the server's default."""
        self.isolation_level = IsolationLevel.READ_COMMITTED
        connection = Connection.connect(**conn_params)
        connection.isolation_level = self.isolation_level
        connection.longest_wait = patience().answer or None
        return connection

    def is_usable(self) -> bool:
        """Tell whether the connection can be used; Django asks once a request, and after errors."""
        return self.connection is not None and not self.connection.is_hung_up()
