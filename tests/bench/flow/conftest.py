import numpy as np
import pytest

from bench.flow.pairs import Pair, PairSet, make_pair
from calib.phantom import PhantomFace, portrait


@pytest.fixture(scope="session")
def face() -> PhantomFace:
    return portrait()


@pytest.fixture(scope="session")
def clean(face: PhantomFace) -> Pair:
    """A smile without noise."""
    return make_pair(face, PairSet("micro", 0.0), 0.8, np.random.default_rng(1), ("AU6", "AU12"))
