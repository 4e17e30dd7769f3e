"""Settings of the directory that cannot be stop the start with one line that names them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import directory_settings, env
from tests.portal.test_settings import GOOD
from tests.served import ROOT

RIGHT = {
    "AUTH_LDAP_SERVER_URI": "ldaps://ldap.example.org ldaps://other.example.org:3636",
    "AUTH_LDAP_USER_SEARCH_BASE": "ou=people,dc=example,dc=org",
}
GROUPS = {
    "AUTH_LDAP_GROUP_SEARCH_BASE": "ou=groups,dc=example,dc=org",
    "AUTH_LDAP_GROUP_TYPE": "groupOfNames",
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in env.DECLARED:
        if name.startswith("AUTH_LDAP_"):
            monkeypatch.delenv(name, raising=False)


def read(
    monkeypatch: pytest.MonkeyPatch, **variables: str
) -> directory_settings.DirectorySettings | None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return directory_settings.read()


def test_without_servers_there_is_no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch) is None


def test_the_defaults_are_those_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, **RIGHT)
    assert settings is not None
    assert settings.server_uris == ("ldaps://ldap.example.org", "ldaps://other.example.org:3636")
    assert settings.user_search_filter == "(uid=%(user)s)"
    assert (settings.timeout_seconds, settings.refresh_seconds) == (5, 300)
    assert settings.stale_seconds == 3600
    assert not settings.start_tls
    assert not settings.group_type


WRONG = [
    ("AUTH_LDAP_SERVER_URI", {"AUTH_LDAP_SERVER_URI": "ldap.example.org"}),
    ("AUTH_LDAP_SERVER_URI", {"AUTH_LDAP_SERVER_URI": "https://ldap.example.org"}),
    ("AUTH_LDAP_SERVER_URI", {"AUTH_LDAP_SERVER_URI": "ldapi:///run/slapd"}),
    ("AUTH_LDAP_SERVER_URI", {"AUTH_LDAP_SERVER_URI": "ldap://a.example ldap://"}),
    ("AUTH_LDAP_SERVER_URI", {"AUTH_LDAP_SERVER_URI": "ldap://a.example,ldap://b.example"}),
    ("AUTH_LDAP_SERVER_URI", {"AUTH_LDAP_SERVER_URI": "ldap://a.example/dc=example"}),
    ("AUTH_LDAP_SERVER_URI", {"AUTH_LDAP_SERVER_URI": "ldap://u:p@a.example"}),
    ("AUTH_LDAP_SERVER_URI", {"AUTH_LDAP_SERVER_URI": "ldap://a.example:99999"}),
    ("AUTH_LDAP_USER_SEARCH_BASE", {"AUTH_LDAP_USER_SEARCH_BASE": ""}),
    ("AUTH_LDAP_USER_SEARCH_BASE", {"AUTH_LDAP_USER_SEARCH_BASE": "people"}),
    ("AUTH_LDAP_BIND_DN", {"AUTH_LDAP_BIND_PASSWORD": "s3cret-of-the-service"}),
    ("AUTH_LDAP_BIND_PASSWORD", {"AUTH_LDAP_BIND_DN": "cn=portal,dc=example"}),
    ("AUTH_LDAP_BIND_DN", {"AUTH_LDAP_BIND_DN": "portal", "AUTH_LDAP_BIND_PASSWORD": "x"}),
    ("AUTH_LDAP_START_TLS", {"AUTH_LDAP_START_TLS": "yes"}),
    ("AUTH_LDAP_START_TLS", {"AUTH_LDAP_START_TLS": "perhaps"}),
    ("AUTH_LDAP_CA_CERT_FILE", {"AUTH_LDAP_CA_CERT_FILE": "/no/such/file"}),
    ("AUTH_LDAP_CA_CERT_FILE", {"AUTH_LDAP_CA_CERT_FILE": str(ROOT)}),
    ("AUTH_LDAP_CA_CERT_FILE", {"AUTH_LDAP_CA_CERT_FILE": str(ROOT / "manage.py")}),
    ("AUTH_LDAP_CA_CERT_FILE", {"AUTH_LDAP_CA_CERT_FILE": os.devnull}),
    ("AUTH_LDAP_GROUP_TYPE", {**GROUPS, "AUTH_LDAP_GROUP_TYPE": "posixgroup"}),
    ("AUTH_LDAP_GROUP_TYPE", {**GROUPS, "AUTH_LDAP_GROUP_TYPE": ""}),
    ("AUTH_LDAP_GROUP_SEARCH_BASE", {**GROUPS, "AUTH_LDAP_GROUP_SEARCH_BASE": ""}),
    ("AUTH_LDAP_GROUP_SEARCH_BASE", {"AUTH_LDAP_REQUIRE_GROUP": "staff"}),
    ("AUTH_LDAP_GROUP_SEARCH_BASE", {"AUTH_LDAP_DENY_GROUP": "left"}),
    ("AUTH_LDAP_GROUP_SEARCH_BASE", {"AUTH_LDAP_ADMIN_GROUP": "cn=admins,dc=example"}),
    ("AUTH_LDAP_BIND_DN", {"AUTH_LDAP_BIND_DN": "cn=x,", "AUTH_LDAP_BIND_PASSWORD": "x"}),
    ("AUTH_LDAP_USER_SEARCH_BASE", {"AUTH_LDAP_USER_SEARCH_BASE": "ou=people,,dc=example"}),
    ("AUTH_LDAP_GROUP_SEARCH_BASE", {**GROUPS, "AUTH_LDAP_GROUP_SEARCH_BASE": "ou=a\\x"}),
    *(
        (name, {**GROUPS, name: group})
        for name in ("AUTH_LDAP_REQUIRE_GROUP", "AUTH_LDAP_DENY_GROUP", "AUTH_LDAP_ADMIN_GROUP")
        for group in (
            "cn=admins,",
            "cn=admins",
            "cn=admins,ou=other,dc=example,dc=org",
            "cn=admins\\,ou=groups,dc=example,dc=org",
            "cn=admins,xou=groups,dc=example,dc=org",
            "dc=example,dc=org",
        )
    ),
    ("AUTH_LDAP_TIMEOUT_SECONDS", {"AUTH_LDAP_TIMEOUT_SECONDS": "0"}),
    ("AUTH_LDAP_REFRESH_SECONDS", {"AUTH_LDAP_REFRESH_SECONDS": "-1"}),
    ("AUTH_LDAP_STALE_SECONDS", {"AUTH_LDAP_STALE_SECONDS": "1h"}),
]
RIGHT_GROUPS = [
    "Admins",
    "a, b",
    "cn=admins,ou=groups,dc=example,dc=org",
    "CN=Admins , OU=a\\,b, OU=Groups,DC=Example,dc=org",
    "ou=groups,dc=example,dc=org",
]
WRONG_FILTERS = [
    "(uid=ann)",
    "uid=%(user)s",
    "(uid=%(user)s",
    "(uid=%(user)s))",
    "(uid=%(user)s)(cn=x)",
    "(uid=%s)",
    "(uid=%(name)s)",
    "(uid=%(user)s)%",
    "(&(uid=%(user)s)(cn=%))",
    "(uid=*%(user)s*)",
    "(uid>=%(user)s)",
    "(|(uid=%(user)s)(cn~=%(user)s))",
    "%(user)s",
    "(%(user)s=ann)",
    "()",
]
WRONG += [
    ("AUTH_LDAP_USER_SEARCH_FILTER", {"AUTH_LDAP_USER_SEARCH_FILTER": text})
    for text in WRONG_FILTERS
]


@pytest.mark.parametrize(("names", "variables"), WRONG)
def test_what_cannot_be_is_one_line_that_names_it(
    names: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(env.SettingsProblem) as caught:
        read(monkeypatch, **{**RIGHT, **variables})
    assert str(caught.value).startswith(names)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("group", RIGHT_GROUPS)
def test_a_group_is_named_by_cn_or_by_a_dn_within_the_search_base(
    group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read(monkeypatch, **RIGHT, **GROUPS, AUTH_LDAP_DENY_GROUP=group)
    assert settings is not None
    assert settings.named_groups == {"AUTH_LDAP_DENY_GROUP": group}


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("(uid=%(user)s)", {"uid": ("", "")}),
        (
            "(&(objectClass=user)(|(sAMAccountName=%(user)s)(mail=%(user)s@example.org)))",
            {"sAMAccountName": ("", ""), "mail": ("", "@example.org")},
        ),
    ],
)
def test_the_filter_says_which_attribute_has_the_name(
    text: str, attributes: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read(monkeypatch, **RIGHT, AUTH_LDAP_USER_SEARCH_FILTER=text)
    assert settings is not None
    assert dict(settings.name_attributes) == attributes


@given(st.text(st.sampled_from("()&|!=*%user s(uid=%(user)s)"), max_size=40))
def test_no_text_makes_the_filters_check_fall_over(text: str) -> None:
    if directory_settings._is_filter(text):
        assert "%(user)s" in text
        assert text.count("(") == text.count(")")


def test_the_bind_password_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        **RIGHT,
        AUTH_LDAP_BIND_DN="cn=portal,dc=example",
        AUTH_LDAP_BIND_PASSWORD="s3cret-of-the-service",
    )
    assert "s3cret" not in repr(settings)


# --- what works but should not stay so -------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "warned"),
    [
        ({}, False),
        ({"AUTH_LDAP_SERVER_URI": "ldap://ldap.example.org"}, True),
        ({"AUTH_LDAP_SERVER_URI": "ldaps://a.example ldap://10.0.0.1"}, True),
        ({"AUTH_LDAP_SERVER_URI": "ldap://ldap.example", "AUTH_LDAP_START_TLS": "yes"}, False),
        ({"AUTH_LDAP_SERVER_URI": "ldap://127.0.0.1:1389 ldap://localhost ldap://[::1]"}, False),
    ],
)
def test_passwords_in_the_clear_are_warned_of(
    variables: dict[str, str], warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = list(directory_settings.warnings(read(monkeypatch, **{**RIGHT, **variables})))
    assert bool(lines) == warned
    assert all("unencrypted" in line for line in lines)


@pytest.mark.parametrize(
    "variable", ["AUTH_LDAP_REQUIRE_GROUP", "AUTH_LDAP_DENY_GROUP", "AUTH_LDAP_ADMIN_GROUP"]
)
def test_P2_a_group_that_is_named_by_its_cn_is_warned_of(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_cn = read(monkeypatch, **{**RIGHT, **GROUPS, variable: "admins"})
    (line,) = directory_settings.warnings(by_cn)
    assert line.startswith(f"{variable} is 'admins'")
    by_dn = read(monkeypatch, **{variable: f"cn=admins,{GROUPS['AUTH_LDAP_GROUP_SEARCH_BASE']}"})
    assert list(directory_settings.warnings(by_dn)) == []


def test_settings_that_nothing_reads_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(directory_settings.warnings(read(monkeypatch))) == []
    (line,) = directory_settings.warnings(read(monkeypatch, AUTH_LDAP_START_TLS="yes"))
    assert "AUTH_LDAP_START_TLS" in line


# --- a start ---------------------------------------------------------------------------------


def check(tmp_path: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    given = {**GOOD, "DATABASE_URL": f"sqlite:///{tmp_path}/portal.sqlite3", **variables}
    words = [sys.executable, str(ROOT / "manage.py"), "check"]
    return subprocess.run(
        words, cwd=tmp_path, env=given, capture_output=True, text=True, check=False
    )


def test_the_check_warns_too(tmp_path: Path) -> None:
    answer = check(tmp_path, **RIGHT | {"AUTH_LDAP_SERVER_URI": "ldap://ldap.example.org"})
    assert answer.returncode == 0
    assert "portal.W002" in answer.stderr


_NOT_INSTALLED = """
from importlib.machinery import PathFinder

def find_spec(name, *others, found=PathFinder.find_spec):
    missing = name.partition(".")[0] in {"ldap", "_ldap", "django_auth_ldap"}
    return None if missing else found(name, *others)

PathFinder.find_spec = staticmethod(find_spec)
"""


def test_without_python_ldap_everything_but_a_directory_works(tmp_path: Path) -> None:
    """The demo has none."""
    (tmp_path / "sitecustomize.py").write_text(_NOT_INSTALLED, encoding="utf-8")
    path = f"{tmp_path}:{ROOT}"
    script = "import django; django.setup(); import portal.urls; import ldap"
    given = {**GOOD, "PYTHONPATH": path, "DATABASE_URL": f"sqlite:///{tmp_path}/portal.sqlite3"}
    given["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stderr.strip().endswith("No module named 'ldap'")
    assert "line 1, in <module>" in answer.stderr
    refused = check(tmp_path, **RIGHT, PYTHONPATH=path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("AUTH_LDAP_SERVER_URI is set, but python-ldap is not inst")
    assert refused.stderr.count("\n") == 1
