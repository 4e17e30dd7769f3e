"""What the server serves."""

import os
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application

from accounts.database import postgresql


class Request(WSGIRequest):
    """A request of which nothing is read yet, whatever its Content-Type says of its letters."""

    def __init__(self, environ: dict[str, Any]) -> None:
        try:
            super().__init__(environ)
        except (LookupError, ValueError):
            # Django decodes header and address right here, where no page can answer.
            environ["CONTENT_TYPE"] = f"{environ['CONTENT_TYPE'].partition(';')[0]}; charset=none"
            super().__init__(environ)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

postgresql.serve_people()
application = get_wsgi_application()
application.request_class = Request
