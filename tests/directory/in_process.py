"""The portal of this process, given a directory: for tests that look at rows as well as pages."""

import re
from collections.abc import Mapping
from io import StringIO

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from portal import bulkhead, directory_settings
from portal.signin.directory import door

SHORT = "2"


def connect(
    monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], **changes: str
) -> directory_settings.DirectorySettings:
    """Let the portal ask the directory of these ``AUTH_LDAP_*`` variables."""
    for name, value in {"AUTH_LDAP_TIMEOUT_SECONDS": SHORT, **variables, **changes}.items():
        monkeypatch.setenv(name, value)
    read = directory_settings.read()
    assert read is not None
    monkeypatch.setattr("django.conf.settings.DIRECTORY", read)
    # Hashing is not what these tests are about.
    monkeypatch.setattr(Argon2PasswordHasher, "memory_cost", 1024)
    # What earlier tests learnt of servers and of how full the compartment was is not this one's.
    door._client.cache_clear()
    door.memory.forget()
    bulkhead.bulkhead.cache_clear()
    return read


TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')


def try_in(username: str, password: str, client: Client | None = None) -> tuple[int, str]:
    """Send the sign-in form; return the answer's status and page (less its token)."""
    form = {"username": username, "password": password}
    answer = (client or Client()).post("/sign-in/", form)
    return answer.status_code, TOKEN.sub("", answer.content.decode())


def is_in(client: Client) -> bool:
    """Tell whether this browser is signed in."""
    return client.get("/sign-out/").status_code == 200


def directory(*words: str) -> tuple[int, str, str]:
    """Run ``manage.py directory``; return its status and what it wrote."""
    out, err = StringIO(), StringIO()
    try:
        call_command("directory", *words, stdout=out, stderr=err)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def states() -> dict[str, str]:
    """Return what is known of everybody's state, by name."""
    return dict(User.objects.values_list("username", "directory_state"))
