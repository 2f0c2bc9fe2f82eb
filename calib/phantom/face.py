"""The photo behind a phantom: pixels and mesh points, and their placing on a plate of the video's size."""

from dataclasses import dataclass
from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import LANDMARKS, Floats, crop_landmarks, eye_centres, inter_ocular_distance


@dataclass(frozen=True)
class PhantomFace:
    """A photo of one face at rest.

    Attributes:
        photo: (H, W, 3) uint8 BGR.
        landmarks: (478, 3) float32, MediaPipe FaceMesh points in photo px.
    """

    photo: NDArray[np.uint8]
    landmarks: Floats

    def __post_init__(self) -> None:
        if self.photo.dtype != np.uint8 or self.photo.ndim != 3 or self.photo.shape[2] != 3:
            raise ValueError(f"photo must be (H, W, 3) uint8 BGR, not {self.photo.shape} {self.photo.dtype}")
        if self.landmarks.shape != (LANDMARKS, 3):
            raise ValueError(f"landmarks must be ({LANDMARKS}, 3), not {self.landmarks.shape}")

    def placed(
        self, width: int, height: int, iod_px: float, centre: tuple[float, float] = (0.5, 0.42)
    ) -> "PhantomFace":
        """The face on a plate of width × height px, eyes `iod_px` apart around `centre` (shares of the plate)."""
        left, right = eye_centres(self.landmarks)
        scale = iod_px / inter_ocular_distance(self.landmarks)
        middle = (left + right) / 2
        shift = np.array([centre[0] * width, centre[1] * height]) - scale * middle
        transform = np.hstack([scale * np.eye(2), shift[:, None]])
        # A photo that is reduced would alias: blurred first to what the plate can hold.
        photo = cv2.GaussianBlur(self.photo, (0, 0), 0.5 / scale) if scale < 0.7 else self.photo
        plate = cv2.warpAffine(photo, transform, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        if scale > 1.2:
            plate = _with_texture(plate, scale)
        return PhantomFace(plate.astype(np.uint8), crop_landmarks(transform, self.landmarks))


def _with_texture(plate: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Give an enlarged photo back the fine grain that a camera would see: σ 3 grey levels, finer than `scale` px."""
    rng = np.random.default_rng(7)
    noise = rng.standard_normal(plate.shape[:2]).astype(np.float32)
    grain = cv2.GaussianBlur(noise, (0, 0), 0.8) - cv2.GaussianBlur(noise, (0, 0), scale)
    grain *= 3.0 / grain.std()
    return np.asarray(np.clip(np.round(plate + grain[..., None]), 0, 255), dtype=np.uint8)


def portrait() -> PhantomFace:
    """The built-in face: NASA's public-domain portrait of Eileen Collins, from scikit-image.

    Its mesh points were measured once with MediaPipe 0.10.21 and are stored beside this file.
    """
    from skimage import data  # 0.3 s to import, and only the built-in face needs it

    text = (files("calib.phantom") / "portrait_landmarks.csv").read_text()
    landmarks = np.loadtxt(text.splitlines(), delimiter=",", dtype=np.float32)
    return PhantomFace(np.ascontiguousarray(data.astronaut()[..., ::-1]), landmarks)
