"""Where plans are kept, under a key of everything they depend on, and the refusal of those made for something else."""

import dataclasses
import hashlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engines.runtime.choice import cache_folder
from engines.runtime.interface import EngineError

PARTS = ("encoder", "matcher", "follower")
"""What a plan holds."""

RECIPE = 4
"""Counts up when graphs are prepared or built in another way, so that older plans are not taken any more."""

_MAGIC = b"mellm-live TensorRT plan\n"


class PlanError(EngineError):
    """A plan is missing, damaged, made for something else, or refused by TensorRT; the message says which."""


@dataclass(frozen=True)
class PlanSpec:
    """All that a plan depends on.

    Attributes:
        graphs: SHA-256 of the exported graphs, all of them.
        library: package that built it.
        version: of the package.
        gpu: the GPU's name; empty where the plan serves every GPU of its compute capability.
        capability: compute capability.
        precision: fp32, fp16 or int8.
        batch: pairs at once.
        recipe: how graphs were prepared and built, see `RECIPE`.
    """

    graphs: str
    library: str
    version: str
    gpu: str
    capability: str
    precision: str
    batch: int = 1
    recipe: int = RECIPE

    @property
    def key(self) -> str:
        """A digest of it all."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()[:24]

    def remedy(self, weights: Path | None = None) -> str:
        """The command that makes such a plan, even where there is one.

        Args:
            weights: the folder that its weights are from; by default the shipped ones.
        """
        words = ["mellm", "engine", "build", "--precision", self.precision, "--batch", str(self.batch)]
        words += ["--library", self.library, *(["--weights", str(weights)] if weights else []), "--force"]
        return shlex.join(words)

    def differences(self, other: "PlanSpec") -> list[str]:
        """What another plan was made for instead, in words."""
        told = {"graphs": "other weights", "recipe": "another release of mellm-live"}
        words = []
        for field in dataclasses.fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if mine != theirs:
                words.append(told.get(field.name, f"{field.name} {theirs or 'any'} instead of {mine or 'any'}"))
        return list(dict.fromkeys(words))


class PlanStore:
    """A folder of plans."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take a folder, which need not exist.

        Args:
            folder: by default `mellm-live/plans` in the user's cache folder.
        """
        self.folder = folder or cache_folder() / "plans"

    def path(self, spec: PlanSpec) -> Path:
        """Where the plan lies, or would lie."""
        return self.folder / f"{spec.key}.plan"

    def save(self, spec: PlanSpec, parts: Mapping[str, bytes]) -> Path:
        """Keep a plan; it appears whole or not at all.

        Args:
            spec: what it was made for.
            parts: the serialised engines by name.

        Raises:
            OSError: it cannot be written.
        """
        path = self.path(spec)
        sizes = [[name, len(content), hashlib.sha256(content).hexdigest()] for name, content in parts.items()]
        header = json.dumps({"spec": dataclasses.asdict(spec), "parts": sizes}).encode()
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(b"".join([_MAGIC, header, b"\n", *parts.values()]))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return path

    def load(self, spec: PlanSpec) -> dict[str, bytes]:
        """The serialised engines of a plan by name.

        Raises:
            PlanError: there is none, it is damaged, or it was made for something else.
        """
        path = self.path(spec)
        if not path.is_file():
            raise PlanError(f"no TensorRT plan for {spec.gpu or 'compute capability ' + spec.capability} yet "
                            f"({spec.precision}, batch {spec.batch})")  # fmt: skip
        made_for, sizes, start = _header(path)
        if made_for != spec:
            raise PlanError(f"{path}: made for {', '.join(spec.differences(made_for))}")
        parts = {}
        with path.open("rb") as file:
            file.seek(start)
            for name, size, digest in sizes:
                parts[name] = file.read(size)
                if hashlib.sha256(parts[name]).hexdigest() != digest:
                    raise PlanError(f"{path}: damaged")
        return parts

    def batches(self, spec: PlanSpec) -> list[int]:
        """Batches of all plans that differ from this one in nothing else, smallest first."""
        return sorted(s.batch for _, s in self if dataclasses.replace(s, batch=spec.batch) == spec)

    def __iter__(self) -> Iterator[tuple[Path, PlanSpec]]:
        """All plans that lie where they should, and what they were made for."""
        for path in sorted(self.folder.glob("*.plan")):
            try:
                spec, _, _ = _header(path)
            except PlanError:
                continue
            if path == self.path(spec):
                yield path, spec


def _header(path: Path) -> tuple[PlanSpec, list[tuple[str, int, str]], int]:
    """What a plan was made for; name, size and SHA-256 of its parts; where they begin."""
    try:
        with path.open("rb") as file:
            if file.readline() != _MAGIC:
                raise ValueError("it begins with something else")
            content = json.loads(file.readline())
            parts = [(str(name), int(size), str(digest)) for name, size, digest in content["parts"]]
            return PlanSpec(**content["spec"]), parts, file.tell()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanError(f"{path}: not a plan of mellm-live ({error})") from None
