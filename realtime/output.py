"""Where results go: whether they can, before the work that they take, and only when all went well."""

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class OutputError(Exception):
    """Results cannot go where they should; one line."""


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


@contextmanager
def fresh_folder(folder: Path, files: Collection[str]) -> Iterator[Path]:
    """A folder to fill with some files, which take their place only when all went well.

    What stood under their names before is replaced, but for what came there meanwhile; nothing else is ever touched.
    What goes wrong leaves no new folder; only what is killed leaves one beside it, whose name begins with a dot.

    Args:
        folder: where they are to stand.
        files: their names.

    Raises:
        OutputError: the folder already holds something else, so it is none of ours.
        OSError: it cannot be made or written.
    """
    check_output(folder, files)
    made = [place for place in (folder.parent, *folder.parent.parents) if not place.exists()]  # the innermost first
    partial: Path | None = None
    there = folder.is_dir()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        yield partial
        if there:
            for name in files:
                (partial / name).replace(folder / name)
            partial.rmdir()
        else:
            partial.chmod(0o777 & ~_umask())
            _rename(partial, folder)
    except BaseException:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):  # somebody else has put something there
            for place in made:
                place.rmdir()
        raise


def check_output(folder: Path, files: Collection[str]) -> None:
    """Refuse to write into a folder that holds anything but files of these names, or cannot be written.

    Raises:
        OutputError: it does, or it is no folder.
        OSError: it cannot be made or written.
    """
    if folder.is_file():
        raise OutputError(f"{folder}: is a file; results go into a folder of that name, so choose another --out")
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in files) if folder.exists() else []
    if foreign:
        raise OutputError(f"{folder}: holds other files, such as {foreign[0]}; choose another --out")
    for place in (folder.parent, folder):
        check_writable(place)


def _rename(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
