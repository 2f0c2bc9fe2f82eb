"""The calibration set of quantised engines: crops of a phantom whose activations set the int8 scales."""

from collections.abc import Iterator
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.crop import rgb_crop
from calib.face import crop_transform
from calib.facs import ACTION_UNITS
from calib.phantom import Nuisance, PhantomEvent, PhantomFace, PhantomScript, PhantomVideo

Crop: TypeAlias = NDArray[np.uint8]


def calibration_pairs(face: PhantomFace, count: int, seed: int = 0) -> list[tuple[Crop, Crop]]:
    """All that `calibration_stream` gives."""
    return list(calibration_stream(face, count, seed))


def calibration_stream(face: PhantomFace, count: int, seed: int = 0) -> Iterator[tuple[Crop, Crop]]:
    """Pairs of crops (256, 256, 3) uint8 RGB: the face at rest, and moved, in changing light and noise.

    The first pairs are small movements in a clean picture, the last ones large in a noisy one: the scales hold all.

    Args:
        face: whose.
        count: how many pairs.
        seed: where chance begins.
    """
    rng = np.random.default_rng(seed)
    for number in range(count):
        share = number / max(count - 1, 1)
        chosen = rng.choice(len(ACTION_UNITS), 2, replace=False)
        size_iod = float(0.02 + 0.1 * share)
        units = tuple((f"AU{ACTION_UNITS[index].number}", size_iod) for index in chosen)
        nuisance = Nuisance(sway_iod=0.03 + 0.05 * share, light=0.1 * share, noise=1 + 4 * share)
        script = PhantomScript(
            (PhantomEvent(1.0, 2.0, 3.0, units),), nuisance=nuisance, seed=int(rng.integers(1 << 30))
        )
        video = PhantomVideo(face, script, iod_px=float(rng.uniform(70, 130)))
        exposure = float(rng.uniform(0.4, 1.1))
        transform = crop_transform(video.landmarks(0.5))
        first, second = (
            rgb_crop(np.asarray(cv2.convertScaleAbs(video.frame(t), alpha=exposure), np.uint8), transform)
            for t in (0.5, 2.0)
        )
        yield first, second
