"""What ``DATABASE_URL`` may say, and that nothing else is passed on to libpq."""

from pathlib import Path

import pytest

from portal.database_url import parse

ROOT = Path("/project")

RIGHT: dict[str, dict[str, object]] = {
    "postgresql://ann:pw@db.example:5433/portal": {
        "user": "ann",
        "password": "pw",
        "host": "db.example",
        "port": "5433",
        "name": "portal",
    },
    "postgres://db/portal": {"host": "db", "port": "", "user": "", "name": "portal"},
    "postgresql://us%40er:p%40ss%2Fw%25%3A@db/na%20me": {
        "user": "us@er",
        "password": "p@ss/w%:",
        "name": "na me",
    },
    "postgresql:///portal": {"host": "", "name": "portal"},
    "postgresql://ann@/portal?host=/run/postgresql": {"host": "/run/postgresql", "user": "ann"},
    "postgresql://%2Frun%2Fpostgresql/portal": {"host": "/run/postgresql"},
    "postgresql:///portal?host=a,b&port=5432,5433&target_session_attrs=read-write": {
        "host": "a,b",
        "port": "5432,5433",
        "options": {"target_session_attrs": "read-write"},
    },
    "postgresql://[2001:db8::1]:5432/portal": {"host": "2001:db8::1"},
    "postgresql://db/portal?sslmode=verify-full&sslrootcert=/etc/ca.pem": {
        "options": {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}
    },
    "postgresql://db/portal?options=-csearch_path%3Dgate": {
        "options": {"options": "-csearch_path=gate"}
    },
    "sqlite:///portal.sqlite3": {"path": "/project/portal.sqlite3"},
    "sqlite:////var/lib/portal%20one.sqlite3": {"path": "/var/lib/portal one.sqlite3"},
}


@pytest.mark.parametrize("url", RIGHT)
def test_an_address_says_where_the_database_is(url: str) -> None:
    address = parse(url, ROOT)
    assert {name: getattr(address, name) for name in RIGHT[url]} == RIGHT[url]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "portal",
        "mysql://db/portal",
        "postgresql://db",
        "postgresql://db/",
        "postgresql://db:0/portal",
        "postgresql://db:port/portal",
        "postgresql://db:99999/portal",
        "postgresql://[db/portal",
        "postgresql://db/" + "x" * 64,
        "postgresql://db/por%00tal",
        "postgresql://a%00b@db/portal",
        "postgresql://db/portal#fragment",
        "postgresql://db/portal\n",
        "postgresql://db/portal?sslmode",
        "postgresql://db/portal?sslmode=maybe",
        "postgresql://db/portal?sslmode=require&sslmode=disable",
        "postgresql://db/portal?sslrootcert=relative.pem",
        "postgresql://db/portal?passfile=/etc/passwd",
        "postgresql://db/portal?service=other",
        "postgresql://db/portal?options=-c%20synchronous_commit%3Doff",
        "postgresql://db/portal?options=-csearch_path%3Dgate%20-c%20role%3Dpostgres",
        "postgresql://db/portal?client_encoding=latin1",
        "postgresql://db/portal?connect_timeout=0",
        "postgresql://db/portal?application_name=%0a",
        "sqlite:///",
        "sqlite:///a%00b",
    ],
)
def test_P41_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 it has no words: the value is a secret
        parse(url, ROOT)


def test_P20_an_address_never_shows_its_password() -> None:
    address = parse("postgresql://ann:the-password@db/portal", ROOT)
    assert "the-password" not in f"{address!r} {address} {address.shown}"
    assert address.shown == "database portal at db as ann"


def test_a_postgresql_connection_stays_and_is_looked_at_before_its_use() -> None:
    settings = parse("postgresql://ann:pw@db/portal?sslmode=require", ROOT).django_settings()
    assert settings["CONN_MAX_AGE"] is None
    assert settings["CONN_HEALTH_CHECKS"] is True
    assert settings["ATOMIC_REQUESTS"] is False
    assert settings["OPTIONS"] == {"application_name": "sekisho", "sslmode": "require"}
