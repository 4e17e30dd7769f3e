"""More people at the door than can be served soon: they are told so at once, instead of waiting.

Requests that no thread is free for wait in the worker's queue. A long one means that whoever comes
now would wait for seconds, and a health check with them. From ``MOST_FOR_A_THREAD`` a thread on,
each request that has its turn is answered in a fraction of the time (503, Retry-After) until the
queue has shrunk to a quarter: it empties much faster than it fills.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext

GetResponse = Callable[[HttpRequest], HttpResponseBase]

MOST_FOR_A_THREAD = 16
"""Two hundred clicks at once are no flood, even where one worker of 16 threads takes them all."""
RETRY_AFTER_SECONDS = 5


class Queue:
    """How many requests wait for a thread of this worker; none where no server says so."""

    def __init__(self) -> None:
        self.length: Callable[[], int] = lambda: 0
        self._is_shrinking = False

    def watch(self, threads: ThreadPoolExecutor) -> None:
        """From now on, tell the length of the queue before those threads."""
        self.length = threads._work_queue.qsize  # noqa: SLF001 - it has no public name

    def is_too_long(self) -> bool:
        """Whether whoever has their turn now should make way. Threads may ask at the same time."""
        most = MOST_FOR_A_THREAD * int(settings.PORTAL_THREADS)
        length = self.length()
        self._is_shrinking = length > (most // 4 if self._is_shrinking else most)
        return self._is_shrinking


queue = Queue()


def crowd_control(get_response: GetResponse) -> GetResponse:
    """Turn away while the queue is too long; behind the health checks, before any real work."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return _turned_away() if queue.is_too_long() else get_response(request)

    return middleware


def _turned_away() -> HttpResponse:
    text = gettext("More people come to the portal at once than it can serve.")
    next_step = gettext("Try again in a few seconds.")
    return HttpResponse(
        f"{text} {next_step}\n",
        status=503,
        content_type="text/plain; charset=utf-8",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
