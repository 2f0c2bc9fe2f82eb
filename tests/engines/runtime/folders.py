"""Folders of weights for the tests, good ones and forged ones."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from engines.runtime.weights import MANIFEST


def write_folder(folder: Path, files: Mapping[str, bytes], size: str = "s") -> Path:
    """A folder of weights with a manifest that fits."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (folder / MANIFEST).write_text(json.dumps({"size": size, "files": hashes}))
    return folder


def forged(folder: Path, target: Path, changes: Mapping[str, bytes]) -> Path:
    """A copy of a folder of weights with some files replaced, their hashes in the manifest too."""
    shutil.copytree(folder, target)
    manifest = json.loads((folder / MANIFEST).read_text())
    files = {name: (folder / name).read_bytes() for name in manifest["files"]} | dict(changes)
    return write_folder(target, files, manifest["size"])
