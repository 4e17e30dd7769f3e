"""Liveness and readiness, answered whatever the Host header, without redirect or session."""

import logging
from collections.abc import Callable

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.database import connection as database_connection
from accounts.database import objects as database_objects
from accounts.database.connection import in_one_line

log = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Who asks whether the portal is ready does not wait long for the answer.
_LONGEST_WAIT_SECONDS = 2


def health_answers(get_response: GetResponse) -> GetResponse:
    """Answer ``/healthz`` and ``/readyz`` before anything can redirect or refuse them."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info == "/healthz":
            return _answer(200, "ok")
        if request.path_info == "/readyz":
            return _readiness()
        return get_response(request)

    return middleware


def _readiness() -> HttpResponse:
    problem = tell_readiness()
    return _answer(503, f"not ready: {problem}") if problem else _answer(200, "ok")


def tell_readiness() -> str:
    """Return what ``not_ready`` says, and tell it in the log."""
    problem = not_ready()
    if problem:
        log.error("not ready", extra={"facts": {"problem": problem}})
    return problem


def not_ready() -> str:
    """Say what is missing before launches can be served; empty when nothing is."""
    try:
        database_connection.require_usable()
        with database_connection.in_a_hurry(_LONGEST_WAIT_SECONDS):
            plan = MigrationExecutor(connection)
            if plan.migration_plan(plan.loader.graph.leaf_nodes()):
                return "the database needs migrating (./run manage migrate)"
            missing = database_objects.missing(connection)
            foreign = database_objects.foreign(connection)
    except Error as error:
        log.warning("database", extra={"facts": {"cause": in_one_line(error)}})
        return "the database does not answer"
    except OSError as error:
        return str(error)
    if missing:
        return f"the database lacks {', '.join(missing)} (./run manage migrate lays them anew)"
    if foreign:
        return f"the record is not safe beside {', '.join(foreign)} (take it off the database)"
    return ""


def _answer(status: int, text: str) -> HttpResponse:
    response = HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
