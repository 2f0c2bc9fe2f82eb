"""Where results go: whether they can, before the work that they take."""

import tempfile
from pathlib import Path


def check_writable(folder: Path) -> None:
    """Refuse a folder in which no file can be made, or which cannot be made itself. Nothing is left behind.

    Raises:
        OSError: why.
    """
    there = next(place for place in (folder, *folder.resolve().parents) if place.exists())
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error
