import pytest

from calib.face import Floats
from calib.phantom import PhantomFace
from calib.phantom import portrait as load_portrait


@pytest.fixture(scope="session")
def portrait() -> PhantomFace:
    return load_portrait()


@pytest.fixture(scope="session")
def mesh(portrait: PhantomFace) -> Floats:
    """The portrait's mesh points, photo px: a real face to try geometry on."""
    return portrait.landmarks
