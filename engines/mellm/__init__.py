"""The narrator: from measured region movements to action units, a class and words."""

from engines.mellm.answer import Answer, Facts, Narrator
from engines.mellm.registry import NARRATORS, NarratorError, open_narrator

__all__ = ["NARRATORS", "Answer", "Facts", "Narrator", "NarratorError", "open_narrator"]
