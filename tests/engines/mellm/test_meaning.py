import pytest

from calib.facs import CLASSES
from engines.mellm.annotations import AnnotatedSet, built_in_annotations
from engines.mellm.meaning import Meaning


@pytest.fixture(scope="module")
def meaning() -> Meaning:
    return Meaning(built_in_annotations())


@pytest.mark.parametrize(
    ("units", "label"),
    [(("AU4",), "negative"), (("AU4", "AU7"), "negative"), (("AU6", "AU12"), "positive"),
     (("LAU12",), "positive"), (("AU1", "AU2", "AU5"), "surprise"), (("AU9", "AU10"), "negative")],
)  # fmt: skip
def test_well_known_sets_mean_what_they_are_known_for(meaning: Meaning, units: tuple[str, ...], label: str) -> None:
    chances = meaning.chances(units)
    assert max(chances, key=lambda name: chances[name]) == label
    assert sum(chances.values()) == pytest.approx(1)
    assert set(chances) == set(CLASSES)


def test_units_without_statistics_mean_nothing(meaning: Meaning) -> None:
    assert meaning.chances(()) == {"none": 1.0}
    assert meaning.chances(("AU45",)) == {"none": 1.0}
    assert meaning.chances(("AU4", "AU45")) == meaning.chances(("AU4",))


def test_a_set_with_one_meaning_is_learned_beside_a_common_one() -> None:
    sets = [
        AnnotatedSet(("AU4",), (500, 5, 5, 90)),
        AnnotatedSet(("AU12",), (2, 40, 0, 0)),
        AnnotatedSet(("AU5",), (0, 0, 40, 0)),
    ]
    learned = Meaning(sets)
    assert learned.chances(("AU12",))["positive"] > 0.7
    assert learned.chances(("AU5",))["surprise"] > 0.7
    assert learned.chances(("AU4",))["negative"] > 0.9
