"""Work that may hang, done where nobody has to wait for its end."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_background(work: Callable[[], T]) -> Future[T]:
    """Start ``work`` in a thread of its own and return its future.

    For calls that take no timeout (a name lookup, a credential process): the caller waits as long
    as it can afford. The thread is a daemon, so that a hanging one does not hold up a stop.
    """
    future: Future[T] = Future()
    threading.Thread(target=_run, args=(future, work), daemon=True).start()
    return future


def _run(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - whoever waits for the future raises it
        future.set_exception(error)
