"""Whether an account carries every tag that a grant names, in a database's own words.

The view behind the entitlements is made of the same words.
"""

from typing import Any, TypeAlias

from django.db.models import BooleanField, Func

ON_POSTGRESQL = "{carried} @> {wanted}"
ON_SQLITE = """NOT EXISTS (
        SELECT 1 FROM json_each({wanted}) AS wanted WHERE NOT EXISTS (
            SELECT 1 FROM json_each({carried}) AS carried
            WHERE carried.key = wanted.key AND carried.value = wanted.value))"""


Written: TypeAlias = tuple[str, tuple[Any, ...]]
"""SQL and what stands in its places."""


class Carries(Func):
    """Whether the tags ``carried`` have every tag of ``wanted``; both are JSON objects."""

    output_field = BooleanField()

    def __init__(self, carried: Any, wanted: Any) -> None:
        super().__init__(carried, wanted)

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Written:
        """Write it for PostgreSQL."""
        return self._written(compiler, ON_POSTGRESQL)

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Written:
        """Write it for SQLite."""
        return self._written(compiler, ON_SQLITE)

    def _written(self, compiler: Any, words: str) -> Written:
        parts = [compiler.compile(expression) for expression in self.get_source_expressions()]
        (carried, its_values), (wanted, their_values) = parts
        is_wanted_first = words.index("{wanted}") < words.index("{carried}")
        values = [their_values, its_values] if is_wanted_first else [its_values, their_values]
        sql = words.format(carried=carried, wanted=wanted)
        return f"({sql})", tuple(value for some in values for value in some)
