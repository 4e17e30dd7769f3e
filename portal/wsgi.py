"""What the server serves."""

import os

from django.core.wsgi import get_wsgi_application

from accounts.database import postgresql

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

postgresql.serve_people()
application = get_wsgi_application()
