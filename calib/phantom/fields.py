"""Dense displacement fields of action units, from the table's 29 region movements."""

import numpy as np

from calib.face import EYE_CORNERS, FACE_OVAL, STABLE_POINTS, Doubles, Floats, inter_ocular_distance, region_centres
from calib.facs import pattern

SPREAD_IOD = 0.16
"""Width σ of the skin's response around a region, in IOD: neighbouring regions (0.2–0.4 IOD apart) blend smoothly."""


class FieldMaker:
    """Makes smooth fields that have the table's displacement at every region and none at the stable points.

    A field is a sum of Gaussians around the 29 region centres and the stable points, the weights solved so that the
    sum passes through the wanted displacements. A blink's closing lids are no field: `PhantomVideo` draws them.
    """

    def __init__(self, landmarks: Floats, width: int, height: int, spread_iod: float = SPREAD_IOD) -> None:
        """Prepare the kernel for a face.

        Args:
            landmarks: (478, 3) in px of the plate.
            width, height: size of the plate, px.
            spread_iod: width σ of the skin's response, IOD.
        """
        self.iod = inter_ocular_distance(landmarks)
        still = sorted({*STABLE_POINTS, *FACE_OVAL[::3], *(c for eye in EYE_CORNERS for c in eye)})
        self._centres = np.vstack([region_centres(landmarks), landmarks[still, :2]])
        self._sigma = spread_iod * self.iod
        gaps = self._centres[:, None] - self._centres[None]
        kernel = np.exp(-(gaps**2).sum(-1) / (2 * self._sigma**2))
        self._kernel = kernel + 0.02 * np.eye(len(kernel))
        self._x = np.arange(width)
        self._y = np.arange(height)

    def field(self, code: str) -> Floats:
        """The unit's field (height, width, 2), px: the strongest of its regions moves by one inter-ocular distance."""
        wanted: Doubles = np.zeros((len(self._centres), 2))
        wanted[:29] = pattern(code)
        weights = np.linalg.solve(self._kernel, wanted)
        # A 2-D Gaussian is a product of two 1-D ones, so the sum over centres is a matrix product.
        across = np.exp(-((self._x[:, None] - self._centres[:, 0]) ** 2) / (2 * self._sigma**2))
        down = np.exp(-((self._y[:, None] - self._centres[:, 1]) ** 2) / (2 * self._sigma**2))
        planes = [(down * weights[:, axis]) @ across.T for axis in (0, 1)]
        field = np.stack(planes, axis=-1)
        reached = field[
            tuple(np.round(self._centres[:29, ::-1]).astype(int).clip(0, [len(self._y) - 1, len(self._x) - 1]).T)
        ]
        strongest = float(np.hypot(*reached.T).max())
        return np.asarray(field * (self.iod / max(strongest, 1e-9)), dtype=np.float32)
