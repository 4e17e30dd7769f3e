"""The record as files hold it: the contract's columns, and cells that no spreadsheet works out."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from accounts.history import History, details_of

EXPORT_COLUMNS = (
    "id",
    "time",
    "actor",
    "action",
    "account",
    "role",
    "method",
    "source",
    "grant",
    "session_name",
    "source_identity",
    "access_key_id",
    "region",
    "destination",
    "duration_seconds",
    "expires",
    "reason",
    "ip",
    "user_agent",
    "request_id",
    "outcome",
    "error",
    "details",
)
"""What an export holds, in this order; ``id`` is the act's, the same before and after its end."""

_KEPT_COLUMNS = ("act_id", *EXPORT_COLUMNS[1:])

_BEGINS = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
# At a cell's start, and after a semicolon: some spreadsheets split lines there.
_FORMULA = re.compile(rf"^(?=[\t\r]|\s*{_BEGINS})|(?<=;)(?=[\s\"]*{_BEGINS})")


def export_rows(history: History) -> Iterator[dict[str, Any]]:
    """Yield one act after the other under the export's names, ``details`` as an object."""
    for values in history.every(*_KEPT_COLUMNS):
        row = dict(zip(EXPORT_COLUMNS, values, strict=True))
        yield {**row, "details": details_of(row["details"])}


def spreadsheet_cells(row: Mapping[str, Any]) -> list[str]:
    """Return an act's cells for a CSV file: no cell is a formula to any spreadsheet."""
    return [_harmless(_cell_text(row[name])) for name in EXPORT_COLUMNS]


def _cell_text(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return "" if value is None else str(value)


def _harmless(text: str) -> str:
    """A leading apostrophe makes spreadsheets show a text instead of working it out."""
    return _FORMULA.sub("'", text)
