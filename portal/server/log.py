"""The server's own messages as log lines like all others, without what clients sent.

gunicorn writes plain text to a handler of its own and quotes requests that it cannot read: their
first line, a header, an address with its query. Any of these may hold a secret.
"""

import re
import sys
from typing import Any

from gunicorn.glogging import Logger

_UNREADABLE = re.compile(r"Invalid request from ip=(?P<ip>[0-9A-Fa-f.:]*): ")


class ServerLog(Logger):
    """gunicorn's logger, whose messages go where ours go."""

    def setup(self, cfg: Any) -> None:
        """Follow the configuration, but let the root's handler write the lines."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log it; of an unreadable request only whence it came and what kind of fault it has."""
        unreadable = _UNREADABLE.match(str(msg))
        if unreadable:
            facts = {"ip": unreadable["ip"], "error": _error_at_hand()}
            self.error_log.warning("unreadable request", extra={"facts": facts})
        else:
            super().warning(msg, *args, **kwargs)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log it with the exception's class and frames; an address loses its query."""
        told = [str(arg).partition("?")[0] for arg in args]
        message = _error_at_hand() if isinstance(msg, BaseException) else msg
        super().exception(message, *told, **kwargs)


def _error_at_hand() -> str:
    error = sys.exc_info()[0]
    return error.__name__ if error else ""
