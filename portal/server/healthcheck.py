"""``python -m portal.server.healthcheck``: does the server beside it answer? For the image.

It asks for liveness alone: a database that is away comes back by itself, and killing the portal
meanwhile would help nobody. Readiness (``/readyz``) is for whoever sends people here.
"""

import sys
from http.client import HTTPConnection, HTTPException

from portal import settings

LIMIT_SECONDS = 4
# A server that listens on every address is asked on this machine's own.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 an address to compare with


def problem() -> str:
    """Say why the server does not count as alive; empty when it does."""
    host = _EVERYWHERE.get(settings.BIND, settings.BIND)
    connection = HTTPConnection(host, settings.PORT, timeout=LIMIT_SECONDS)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"{host} port {settings.PORT} does not answer: {type(error).__name__}"
    finally:
        connection.close()
    return "" if status == 200 else f"{host} port {settings.PORT} answers {status}"


if __name__ == "__main__":
    sys.exit(problem() or 0)
