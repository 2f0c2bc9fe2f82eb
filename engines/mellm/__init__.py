"""The narrator: from measured region movements to action units, a class and words."""

from engines.mellm.answer import Answer, Facts, ModelError, Narrator, NarratorError
from engines.mellm.language import LanguageSettings
from engines.mellm.registry import MODELS, NARRATORS, open_narrator

__all__ = [
    "MODELS",
    "NARRATORS",
    "Answer",
    "Facts",
    "LanguageSettings",
    "ModelError",
    "Narrator",
    "NarratorError",
    "open_narrator",
]
