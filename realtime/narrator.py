"""The narrator that the settings ask for."""

import dataclasses

from engines.mellm import ModelError, Narrator, open_narrator
from engines.mellm.registry import SHIPPED
from engines.mellm.template import TemplateNarrator
from realtime.config import NarrateConfig

DEATHS = 2
"""A process that has died so often in a session is not trusted with a language model again."""


def configured_narrator(config: NarrateConfig, live: bool, deaths: int = 0) -> Narrator:
    """Open the configured narrator.

    Live, a model that cannot be used is replaced by the template narrator, which notes it, and one that is late by the
    settings' limits counts as too slow. A recording or a pair has time: there a model may take `patience_s`, and one
    that cannot be used is an error.

    Args:
        config: settings.
        live: whether a session goes on meanwhile.
        deaths: how often the process has died in this session.

    Raises:
        ModelError: its model or server cannot be used (never live).
        NarratorError: no such narrator, or its prompt cannot be used.
    """
    if deaths >= DEATHS and config.narrator != "template" and (config.narrator != "auto" or SHIPPED.exists()):
        return TemplateNarrator([f"the narrator's process has died {deaths} times: the template narrator speaks now"])
    unhurried = dataclasses.replace(config, first_word_s=config.patience_s, answer_s=config.patience_s)
    try:
        return open_narrator(config.narrator, config if live else unhurried)
    except ModelError as error:
        if not live:
            raise
        return TemplateNarrator([f"{error}; the template narrator speaks instead"])
