"""What the start tells where it cannot find out which brokers there are."""

import pytest
from django.db import ProgrammingError, connection

from accounts.models import Role
from portal import broker_check


@pytest.mark.django_db
def test_a_database_that_does_not_tell_the_roles_is_called_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_: object) -> None:
        raise ProgrammingError("relation does not exist\n")

    monkeypatch.setattr(Role.objects, "filter", refuse)
    monkeypatch.setattr(connection, "close", lambda: None)
    assert broker_check.sources_in_use() == []
    (line,) = (vars(line) for line in caplog.records if line.getMessage() == "broker unknown")
    assert line["facts"] == {
        "problem": "the database does not tell the roles",
        "cause": "relation does not exist",
    }
