"""Django's database backend for PostgreSQL, with connections that do not wait for ever.

A server may hang, or the network swallow what is sent: the kernel notices that late or never. So
a process that serves people gives every wait a deadline of its own, on this side (``Patience``),
beside the server's time limits. A command may take as long as it needs: whoever started it can
stop it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long a connection waits: in seconds, 0 meaning without end.

    ``statement``, ``lock`` and ``idle_in_transaction`` are the server's own limits; ``answer`` is
    this side's, after which the connection is given up whatever the server does; ``connect`` is
    that of a new connection (libpq's least is 2).
    """

    connect: int
    lock: int
    statement: int = 0
    idle_in_transaction: int = 0
    answer: int = 0

    @property
    def server_options(self) -> str:
        """The server's limits as libpq's ``options`` sets them when a connection begins.

        And no just-in-time compilation: where the planner takes a page's question for a long one,
        compiling takes seconds and the answer then milliseconds.
        """
        limits = {
            "statement_timeout": self.statement,
            "lock_timeout": self.lock,
            "idle_in_transaction_session_timeout": self.idle_in_transaction,
        }
        told = [f"-c {name}={seconds * 1000}" for name, seconds in limits.items()]
        return " ".join([*told, "-c jit=off"])


COMMAND = Patience(connect=10, lock=10, idle_in_transaction=60)
SERVER = Patience(connect=3, lock=3, statement=4, idle_in_transaction=5, answer=5)

_patience = COMMAND


def patience() -> Patience:
    """Return how long this process's new connections wait."""
    return _patience


def serve_people() -> None:
    """Let this process's connections wait as somebody who looks at a page does."""
    global _patience  # noqa: PLW0603 one process is one or the other, from its start on
    _patience = SERVER
