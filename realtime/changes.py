"""Which settings of a run are not the defaults, so that its results can be made again."""

import dataclasses
import json

from realtime.config import Config
from realtime.streams import place_of

_PARTS = ("capture", "align", "flow", "spot", "narrate")
"""Those that results depend on."""

_TOLD_ELSEWHERE = ("capture.source", "capture.paced")
"""The first stands beside every result; the second follows from the command."""


def changes(config: Config) -> tuple[str, ...]:
    """The settings that are not the defaults, each as a line of a file for `--config`."""
    config, defaults = without_secrets(config), Config()
    return tuple(
        f"{name} = {toml(value)}"
        for part in _PARTS
        for key, value in dataclasses.asdict(getattr(config, part)).items()
        if (name := f"{part}.{key}") not in _TOLD_ELSEWHERE and value != getattr(getattr(defaults, part), key)
    )


def without_secrets(config: Config) -> Config:
    """The same settings without what may stand in the narrator's URL: a password is nobody's business who reads it."""
    narrator = config.narrate.narrator
    if "://" not in narrator:
        return config
    return dataclasses.replace(config, narrate=dataclasses.replace(config.narrate, narrator=place_of(narrator)))


def toml(value: object) -> str:
    """A setting's value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        literal = "\\" in value and "'" not in value and value.isprintable()  # keeps backslashes, which patterns have
        return f"'{value}'" if literal else json.dumps(value, ensure_ascii=False)
    return repr(value)
