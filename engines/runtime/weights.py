"""The files of a trained network: where they lie, and that they are the ones they claim to be."""

import hashlib
import json
from pathlib import Path

from engines.runtime.interface import WeightsError

SHIPPED = Path(__file__).parents[1] / "weights"
"""The folder of the weights that come with the project."""

MANIFEST = "meflownet.json"


class Weights:
    """A folder of weights with a manifest of every file's SHA-256, as `engines.meflownet.export` writes it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read the manifest.

        Args:
            folder: by default the shipped weights.

        Raises:
            WeightsError: there is no manifest in the folder, or it cannot be read.
        """
        self.folder = folder or SHIPPED
        manifest = self.folder / MANIFEST
        try:
            content = json.loads(manifest.read_text())
            self._hashes: dict[str, str] = dict(content["files"])
            self.size = str(content["size"])
        except FileNotFoundError:
            raise WeightsError(f"{manifest} is missing: a folder of weights as `engines.meflownet.export` writes it "
                              "is expected") from None  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"{manifest}: not a manifest of weights ({error!r}); expected are the keys "
                              "\"size\" and \"files\"") from None  # fmt: skip

    def read(self, name: str) -> bytes:
        """The content of one of the files.

        Raises:
            WeightsError: the manifest does not name it, it is missing, or its hash is another than the manifest's.
        """
        manifest = self.folder / MANIFEST
        if name not in self._hashes:
            named = ", ".join(sorted(self._hashes))
            raise WeightsError(
                f"{manifest} names no {name}; it names {named}: export it anew (python -m engines.meflownet.export)"
            )
        path, expected = self.folder / name, self._hashes[name]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"{path}: {error.strerror or error}") from None
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise WeightsError(
                f"{path}: corrupt or of another network: its SHA-256 is {found[:12]}…, {manifest.name} expects "
                f"{expected[:12]}…; restore it from the repository or export it anew"
            )
        return content
