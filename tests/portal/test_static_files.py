"""When static files are laid, and when nothing is written."""

import os
from pathlib import Path

import pytest
from django.conf import LazySettings

from portal.server import static_files


@pytest.fixture
def lay_in(tmp_path: Path, settings: LazySettings) -> Path:
    """Return the folder that static files are laid in, its one source beside it."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "page.css").write_text("a{}\n")
    settings.STATICFILES_DIRS = [source]
    settings.STATIC_ROOT = tmp_path / "laid" / "static"
    return tmp_path / "laid"


def test_a_changed_source_is_laid_again(lay_in: Path, tmp_path: Path) -> None:
    static_files.lay()
    manifest = lay_in / "static" / "staticfiles.json"
    before = manifest.read_text()
    (tmp_path / "source" / "page.css").write_text("b{}\n")
    os.utime(manifest, (1, 1))
    static_files.lay()
    assert manifest.read_text() != before


def test_P41_nothing_is_written_where_the_image_has_laid_them(lay_in: Path, tmp_path: Path) -> None:
    os.utime(tmp_path / "source" / "page.css", (1, 1))
    static_files.lay()
    (lay_in / ".static-lock").unlink()
    static_files.lay()
    assert sorted(path.name for path in lay_in.iterdir()) == ["static"]
