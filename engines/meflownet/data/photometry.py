"""What a camera, a codec and the light do to a frame."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import Floats

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class PhotometryConfig:
    """How strongly the picture is disturbed.

    Attributes:
        tone: whether skin tone, colour temperature, contrast and gamma are drawn anew for a pair.
        gain: σ of the change of gain between the frames.
        bias: σ of the change of black level between the frames, grey levels.
        shadow: share of pairs with a shadow's edge that differs between the frames.
        noise: smallest and largest σ of the sensor noise, grey levels, log-uniform.
        grey_noise: share of pairs whose noise is the same in all three channels.
        blur: share of pairs out of focus.
        motion_blur: share of pairs whose second frame is blurred along a line.
        rescaled: share of pairs shrunk and enlarged again before they are noisy.
        jpeg: share of pairs compressed frame by frame, as an MJPEG camera does.
        video: share of pairs whose second frame is coded as a difference to the first, as a video codec does.
    """

    tone: bool = True
    gain: float = 0.03
    bias: float = 2.0
    shadow: float = 0.15
    noise: tuple[float, float] = (0.25, 5.0)
    grey_noise: float = 0.4
    blur: float = 0.2
    motion_blur: float = 0.05
    rescaled: float = 0.1
    jpeg: float = 0.15
    video: float = 0.1


class Photometry:
    """One draw of disturbances for the two frames of a pair."""

    def __init__(self, config: PhotometryConfig, rng: np.random.Generator, noise: Floats) -> None:
        """Keep what the draws need.

        Args:
            config: what is drawn from.
            rng: where chance comes from.
            noise: (H, W, 3) standard normal tile, larger than any frame; every frame takes another cut of it.
        """
        self._config, self._rng, self._tile = config, rng, noise

    def __call__(self, first: Image, second: Image) -> tuple[Image, Image]:
        """Disturb two frames (H, W, 3) uint8 BGR of the same size."""
        c, rng = self._config, self._rng
        frames = [first.astype(np.float32), second.astype(np.float32)]
        if c.tone:
            table = self._tone()
            frames = [cv2.LUT(frame, table) for frame in (first, second)]
        if rng.random() < c.rescaled:
            shrink, size = rng.uniform(0.5, 0.9), first.shape[1::-1]
            small = [cv2.resize(f, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) for f in frames]
            frames = [cv2.resize(f, size, interpolation=cv2.INTER_LINEAR) for f in small]
        if rng.random() < c.blur:
            sigma = rng.uniform(0.4, 1.2)
            frames = [cv2.GaussianBlur(f, (0, 0), sigma) for f in frames]
        if rng.random() < c.motion_blur:
            frames[1] = cv2.filter2D(frames[1], -1, _line(rng.uniform(1.5, 4.0), rng.uniform(0, np.pi)))
        frames[1] = frames[1] * (1 + c.gain * rng.normal()) + c.bias * rng.normal()
        if rng.random() < c.shadow:
            frames[1] = frames[1] * self._shadow(*first.shape[:2])
        sigma = float(np.exp(rng.uniform(*np.log(c.noise))))
        grey = rng.random() < c.grey_noise
        out = [self._noisy(frame, sigma, grey) for frame in frames]
        if rng.random() < c.jpeg:
            quality = int(rng.integers(60, 98))
            out = [_jpeg(frame, quality) for frame in out]
        elif rng.random() < c.video:
            quality = int(rng.integers(60, 95))
            key = _jpeg(out[0], quality)
            change = np.clip((out[1].astype(np.int16) - key) // 2 + 128, 0, 255).astype(np.uint8)
            coded = (_jpeg(change, quality).astype(np.int16) - 128) * 2
            out = [key, np.clip(key + coded, 0, 255).astype(np.uint8)]
        return out[0], out[1]

    def _tone(self) -> Floats:
        """A table (256, 1, 3) from a photo's grey levels to this camera's: contrast, gamma and a gain a channel."""
        rng = self._rng
        level = np.linspace(0, 1, 256)[:, None]
        gamma, exposure = np.exp(rng.normal(0, 0.25)), np.exp(rng.uniform(-0.7, 0.1))
        temperature = np.exp(rng.normal(0, 0.12, 3))
        table = 255 * exposure * temperature * level**gamma + rng.uniform(0, 12)
        return np.asarray(np.clip(table, 0, 255)[:, None, :], np.float32)

    def _shadow(self, height: int, width: int) -> Floats:
        """A soft edge in a random direction, (height, width, 1)."""
        rng = self._rng
        angle, depth, soft = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.25), rng.uniform(0.05, 0.3)
        ys, xs = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j].astype(np.float32)
        along = (np.cos(angle) * xs + np.sin(angle) * ys - rng.uniform(-0.3, 0.3)) / soft
        return np.asarray(1 - depth / (1 + np.exp(-along)), np.float32)[..., None]

    def _noisy(self, frame: Floats, sigma: float, grey: bool) -> Image:
        height, width = frame.shape[:2]
        room = (self._tile.shape[0] - height, self._tile.shape[1] - width)
        y, x = (int(self._rng.integers(r)) for r in room)
        cut = self._tile[y : y + height, x : x + width]
        noisy = frame + sigma * (cut[..., :1] if grey else cut)
        return np.asarray(cv2.convertScaleAbs(np.maximum(noisy, 0)), np.uint8)


def _line(length: float, angle: float) -> Floats:
    """A kernel that smears along a line, its weight centred."""
    axis = np.arange(-3, 4)
    x, y = np.meshgrid(axis, axis)
    along, across = np.cos(angle) * x + np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y
    kernel = np.clip(length / 2 + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(across), 0, 1)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _jpeg(frame: Image, quality: int) -> Image:
    packed = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
