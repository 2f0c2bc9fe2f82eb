"""Where a face lies in a camera's frame, and how the frame shows a photo: geometry shared by all kinds of pairs.

A *placing* is the crop transform (2, 3) of a frame: frame px to crop px.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, CROP_EYES, CROP_IOD, Doubles, Floats, joined_transforms
from calib.face import invert_transform as inverted


def jittered(crop: Doubles, sigma: float, rng: np.random.Generator) -> Doubles:
    """A crop transform (2, 3) as a held crop has it: a little shifted, scaled and turned about the eyes."""
    angle, scale = np.radians(sigma * rng.normal()), 1 + 0.01 * sigma * rng.normal()
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    eyes = np.array(CROP_EYES)
    shift = turn @ (crop[:, 2] - eyes) + eyes + sigma * rng.normal(size=2)
    return np.hstack([turn @ crop[:, :2], shift[:, None]])


def placing_at(iod_px: float, rng: np.random.Generator) -> Doubles:
    """The crop transform (2, 3), frame px to crop px, of a face somewhere in a frame, a little tilted."""
    angle = np.radians(4 * rng.normal())
    scale = CROP_IOD / iod_px
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[0, 0], [CROP, 0], [0, CROP], [CROP, CROP]]) @ np.linalg.inv(turn).T
    origin = corners.min(axis=0) - 1 - rng.random(2)
    return np.hstack([turn, (turn @ origin)[:, None]])


def frame_size(placing: Doubles) -> tuple[int, int]:
    """Width and height of the part of the frame that the crop is cut from."""
    corners = np.array([[0, 0], [CROP, 0], [0, CROP], [CROP, CROP]], np.float64)
    back = inverted(placing)
    reach = (corners @ back[:, :2].T + back[:, 2]).max(axis=0)
    return int(reach[0]) + 2, int(reach[1]) + 2


def shown(photo: NDArray[np.uint8], crop: Doubles, placing: Doubles, source: Floats | None = None) -> NDArray[np.uint8]:
    """A photo as the camera's frame shows it, undisturbed, (H, W, 3) uint8 BGR.

    Args:
        photo: (H, W, 3) uint8 BGR.
        crop: the photo's crop transform (2, 3).
        placing: the frame's.
        source: for every pixel of the crop the place in the photo's own crop that is seen there, (256, 256, 2) px; the
            pixel itself if None.
    """
    # The photo is brought to the frame's resolution first, so that reducing it does not alias.
    shrink = min(1.0, float(np.hypot(*crop[:, 0]) / np.hypot(*placing[:, 0])))
    ratio = np.ones(2)
    if shrink < 1:
        reduced = cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        ratio = np.array([reduced.shape[1] / photo.shape[1], reduced.shape[0] / photo.shape[0]])
        photo = np.asarray(reduced, np.uint8)
    to_crop = np.hstack([crop[:, :2] / ratio, (crop[:, 2] + crop[:, :2] @ (0.5 / ratio - 0.5))[:, None]])
    to_photo = inverted(to_crop)
    size, inverse, edges = frame_size(placing), cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    if source is None:
        direct = joined_transforms(placing, to_photo)
        frame = cv2.warpAffine(photo, direct, size, flags=cv2.INTER_LANCZOS4 | inverse, borderMode=edges)
    else:
        places = cv2.transform(source, to_photo)
        places = cv2.warpAffine(places, placing, size, flags=cv2.INTER_LINEAR | inverse, borderMode=edges)
        frame = cv2.remap(photo, places, None, cv2.INTER_LANCZOS4, borderMode=edges)
    return np.asarray(frame, np.uint8)
