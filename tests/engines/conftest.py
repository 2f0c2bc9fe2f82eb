from collections.abc import Iterator

import pytest

from calib.face import Floats, crop_landmarks, crop_transform
from calib.phantom import PhantomFace
from calib.phantom import portrait as load_portrait
from engines.landmarks import FaceMesh


@pytest.fixture(scope="session")
def portrait() -> PhantomFace:
    return load_portrait()


@pytest.fixture(scope="session")
def anchor(portrait: PhantomFace) -> Floats:
    """The portrait's mesh points in the canonical crop."""
    return crop_landmarks(crop_transform(portrait.landmarks), portrait.landmarks)


@pytest.fixture(scope="session")
def mesh() -> Iterator[FaceMesh]:
    """For unrelated photos of up to two faces."""
    with FaceMesh(max_faces=2, tracking=False) as found:
        yield found
