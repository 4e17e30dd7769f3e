"""Lays the hashed and compressed static files where the server serves them from."""

import fcntl
import os
from pathlib import Path

from django.conf import settings
from django.core.management import call_command


def lay() -> None:
    """Collect the static files unless what lies there is newer than every source.

    Two starts at once wait for each other. Nothing is written where nothing has to be: the
    container's are laid with the image, and its file system is read-only. Raises OSError when the
    folder cannot be written.
    """
    root = Path(settings.STATIC_ROOT)
    if _is_fresh(root / "staticfiles.json"):
        return
    root.mkdir(parents=True, exist_ok=True)
    lock = os.open(root.parent / f".{root.name}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_fresh(root / "staticfiles.json"):
            call_command("collectstatic", interactive=False, verbosity=0)
    finally:
        os.close(lock)


def _is_fresh(manifest: Path) -> bool:
    if not manifest.exists():
        return False
    laid = manifest.stat().st_mtime
    sources = (path for folder in settings.STATICFILES_DIRS for path in Path(folder).rglob("*"))
    return all(path.stat().st_mtime < laid for path in sources)
