"""An export takes the memory of a part, not of the record: many rows beside few, measured."""

import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import history
from accounts.models import User
from tests import large_catalogue
from tests.large_catalogue import Size
from tests.portal.admin import cast

pytestmark = pytest.mark.django_db

SIZE = Size(people=10, accounts=5, roles_each=2, groups=5, grants=5, bookmarks=2, rows=35_000)


def exported(browser: Client, path: str) -> tuple[int, int]:
    """How many lines a download has and how much memory it took at most, in bytes."""
    tracemalloc.start()
    try:
        answer: Any = browser.get(path)
        lines = sum(part.count(b"\n") for part in answer.streaming_content)
        return lines, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_export_of_twenty_thousand_takes_no_more_memory_than_one_of_a_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A part stands to these rows as it does to a million.
    monkeypatch.setattr(history, "_ROWS_AT_ONCE", 500)
    large_catalogue.fill(SIZE)
    danas = cast.browser(User.objects.get(username="dana"))
    recently = timezone.localdate() - timedelta(days=20)
    for form in ("csv", "json"):
        few = f"/admin/record/export.{form}?from={recently}"
        exported(danas, few)
        few_lines, for_few = exported(danas, few)
        many_lines, for_many = exported(danas, f"/admin/record/export.{form}")
        assert many_lines >= 20_000
        assert 500 < few_lines < many_lines / 10
        assert for_many < 1.5 * for_few, (few_lines, for_few, many_lines, for_many)
