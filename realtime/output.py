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
def made(folder: Path) -> Iterator[None]:
    """A folder that is there meanwhile: it and those that it lies in, if they are new and stay empty, go again.

    Raises:
        OSError: it cannot be made.
    """
    new = [place for place in (folder, *folder.parents) if not place.exists()]  # the innermost first
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        with suppress(OSError):  # there is something in it
            for place in new:
                place.rmdir()


@contextmanager
def fresh_folder(folder: Path, files: Collection[str], aside: Path | None = None) -> Iterator[Path]:
    """A folder to fill with some files, which take their place only when all went well.

    What stood under their names before is replaced; what came there only meanwhile is not, nor is anything else ever
    touched. What goes wrong leaves no new folder; only what is killed leaves the unfinished one.

    Args:
        folder: where they are to stand.
        files: their names.
        aside: where the unfinished folder lies, on the same disk; else beside the finished one, with a dot in front.

    Raises:
        OutputError: the folder already holds something else, so it is none of ours.
        OSError: it cannot be made or written.
    """
    check_output(folder, files)
    there = folder.is_dir()
    with made(folder.parent):
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=aside or folder.parent))
        try:
            yield partial
            if there:
                for name in files:
                    (partial / name).replace(folder / name)
                partial.rmdir()
            else:
                partial.chmod(0o777 & ~_umask())
                _rename(partial, folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
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
