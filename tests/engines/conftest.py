from collections.abc import Iterator
from pathlib import Path

import pytest

from calib.face import Floats, crop_landmarks, crop_transform
from calib.int8 import Crop, calibration_pairs
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


@pytest.fixture(scope="session")
def calibration(portrait: PhantomFace) -> list[tuple[Crop, Crop]]:
    """Three pairs of crops; the first is the reference pair of `untrained`."""
    return calibration_pairs(portrait, 3)


@pytest.fixture(scope="session")
def untrained(calibration: list[tuple[Crop, Crop]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of weights of `networks.network()`, exported once for all tests."""
    for package in ("torch", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    from engines.meflownet.export import write
    from engines.meflownet.follower import Follower
    from tests.engines.networks import network

    folder = tmp_path_factory.mktemp("untrained")
    net = network()
    write(net, Follower(net), "s", folder, calibration)
    return folder
