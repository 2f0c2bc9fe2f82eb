"""How well answers close: against the closing lines of the data's own answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from calib.facs import CLASSES
from engines.mellm.answer import Answer
from engines.mellm.closing import AnswerError, parse_answer


@dataclass(frozen=True)
class Scores:
    """Scores of answers, 0–1.

    Attributes:
        answers: how many.
        closed: share whose closing line can be read.
        unit_f1: of the action units of all answers together; an answer that cannot be read names none.
        uf1: mean over the classes of 2 TP / (2 TP + FP + FN).
        uar: mean over the classes of the recall.
    """

    answers: int
    closed: float
    unit_f1: float
    uf1: float
    uar: float


def score(answers: Sequence[str], wanted: Sequence[str]) -> Scores | None:
    """Compare answers with those wanted; None if no closing line of the latter can be read.

    Classes are those that are wanted at least once, as "none" is one in some data and not in other.
    """
    pairs = [(_read(a), truth) for a, w in zip(answers, wanted, strict=True) if (truth := _read(w)) is not None]
    if not pairs:
        return None
    hits = sum(len(set(a.action_units) & set(w.action_units)) for a, w in pairs if a)
    named = sum(len(set(a.action_units)) for a, _ in pairs if a)
    asked = sum(len(set(w.action_units)) for _, w in pairs)
    labels = [((a.label if a else ""), w.label) for a, w in pairs]
    f1s, recalls = [], []
    for label in (*CLASSES, "none"):
        right = sum(a == w == label for a, w in labels)
        given, true = (sum(pair[side] == label for pair in labels) for side in (0, 1))
        if true:
            f1s.append(2 * right / (given + true))
            recalls.append(right / true)
    closed = sum(a is not None for a, _ in pairs) / len(pairs)
    unit_f1 = 2 * hits / (named + asked) if named + asked else 1.0
    return Scores(len(pairs), closed, unit_f1, sum(f1s) / len(f1s), sum(recalls) / len(recalls))


def _read(text: str) -> Answer | None:
    try:
        return parse_answer(text)
    except AnswerError:
        return None
