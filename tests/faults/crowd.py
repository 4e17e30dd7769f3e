"""``python -m tests.faults.crowd 50``: so many people with a session each, in a set database.

They may enter what ann may. It prints their session cookies: fifty password hashes would otherwise
be all that a test of many people measures.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.contrib.auth import login  # noqa: E402 models need Django's settings first
from django.contrib.sessions.backends.base import SessionBase  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.utils.module_loading import import_string  # noqa: E402

from accounts.models import Grant, Membership, Origin, User  # noqa: E402
from portal import settings  # noqa: E402
from portal.signin import session_limits  # noqa: E402


def made(number: int) -> dict[str, str]:
    """Make a person and a session of theirs; return its cookie."""
    ann = User.objects.get(username="ann")
    person = User.objects.create(username=f"ann-{number}", origin=Origin.LOCAL)
    for grant in Grant.objects.filter(user=ann):
        grant.pk, grant.user = None, person
        grant.save(force_insert=True)
    for membership in Membership.objects.filter(user=ann):
        Membership.objects.create(group=membership.group, user=person)
    store: type[SessionBase] = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    request = HttpRequest()
    request.session = store()
    login(request, person, backend=settings.AUTHENTICATION_BACKENDS[0])
    session_limits.begin(request)
    request.session.save()
    return {settings.SESSION_COOKIE_NAME: str(request.session.session_key)}


sys.stdout.write(json.dumps([made(number) for number in range(int(sys.argv[1]))]))
