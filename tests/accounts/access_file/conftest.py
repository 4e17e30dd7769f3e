"""A folder for access files."""

from pathlib import Path

import pytest

from tests.accounts.access_file.files import Folder


@pytest.fixture
def folder(tmp_path: Path, db: None) -> Folder:
    return Folder(tmp_path)
