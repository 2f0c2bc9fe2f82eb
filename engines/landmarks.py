"""MediaPipe FaceMesh: where the 478 mesh points of every face are."""

import logging
import warnings
from contextlib import nullcontext
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calib.face import Floats
from calib.halved import halved
from engines.quiet import quiet_stderr

MIN_SIDE = 32
"""Smallest image side that can hold a face worth measuring, px."""

_LOOKED_AT = 1600
"""Images with a longer side are halved, px: FaceMesh itself works on 192 px crops."""

SEARCH_EVERY = 30
"""Images from one search for another face to the next."""

FORGET_AFTER = 30
"""Images with one face at most, after which it is followed alone."""


class FaceMesh:
    """Mesh points of the faces in an image, tracked from image to image (or found anew in each, for photos).

    While fewer faces are seen than may be, MediaPipe searches every image for another one, which costs 1.5 ms. So one
    face is tracked by a graph that follows one, and another graph looks for more in every `SEARCH_EVERY`-th image.

    A context manager: it owns MediaPipe's graphs until it is closed.
    """

    def __init__(self, max_faces: int = 1, tracking: bool = True) -> None:
        """Load the models.

        Args:
            max_faces: at most so many faces.
            tracking: follow the faces of the image before; False for unrelated photos.
        """
        logging.getLogger("absl").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            # Its compiled bindings warn of themselves on Python 3.12; nobody here can mend that.
            warnings.simplefilter("ignore", DeprecationWarning)
            from mediapipe.python.solutions.face_mesh import FaceMesh as Graph  # 1.5 s to import

        def graph(faces: int) -> Any:
            made = Graph(static_image_mode=not tracking, max_num_faces=faces, refine_landmarks=True)
            _start(made)
            return made

        self._settled = False
        with quiet_stderr():
            self._one = graph(1) if max_faces == 1 or tracking else None
            self._many = graph(max_faces) if max_faces > 1 else None
        self._alone = 0  # images since more than one face was seen last

    def __enter__(self) -> "FaceMesh":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the graphs."""
        for graph in (self._one, self._many):
            if graph is not None:
                graph.close()

    def find(self, rgb: NDArray[np.uint8]) -> list[Floats]:
        """Mesh points (478, 3) float32 of every face, px of the image, pixel centres at whole numbers.

        Args:
            rgb: (H, W, 3) uint8.

        Raises:
            ValueError: the image is not (H, W, 3) uint8 or a side is shorter than `MIN_SIDE`.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
            raise ValueError(f"image must be (H, W, 3) uint8 RGB, not {rgb.shape} {rgb.dtype}")
        height, width = rgb.shape[:2]
        if min(height, width) < MIN_SIDE:
            raise ValueError(f"image is {width}×{height} px: too small to hold a face, it needs {MIN_SIDE} px a side")
        small = halved(rgb, _LOOKED_AT)
        with nullcontext() if self._settled else quiet_stderr():
            found = self._found(small)
        self._settled = self._settled or bool(found)
        scale = np.array([width, height, width], np.float32)
        return [mesh_points(face) * scale - np.array([0.5, 0.5, 0], np.float32) for face in found]

    def _found(self, rgb: NDArray[np.uint8]) -> Any:
        """Landmark lists by the graph that has to look."""
        self._alone += 1
        search = self._alone <= FORGET_AFTER or self._alone % SEARCH_EVERY == 0
        if self._many is not None and (self._one is None or search):
            found = self._many.process(rgb).multi_face_landmarks or []
            if len(found) > 1:
                if self._one is not None and self._alone > FORGET_AFTER:
                    with quiet_stderr():
                        self._one.reset()  # when it goes on, its face will be elsewhere
                        _start(self._one)
                self._alone = 0
            if self._one is None or self._alone <= FORGET_AFTER:
                return found
        assert self._one is not None
        return self._one.process(rgb).multi_face_landmarks or []


def _start(graph: Any) -> None:
    """Have a graph load its models, which is slow and chatters: let that be with an image that nobody waits for."""
    graph.process(np.zeros((64, 64, 3), np.uint8))


_FRAME, _NUMBERS = [0, 1, 2, 7, 12], [3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 16]
"""Bytes of an encoded landmark: its own tag and length and its fields' tags; the numbers x, y and z."""

_TAGS = (0x0A, 15, 0x0D, 0x15, 0x1D)
"""Field 1, 15 bytes; in it fields 1 to 3, four bytes each: https://protobuf.dev/programming-guides/encoding."""


def mesh_points(found: Any) -> Floats:
    """The numbers (n, 3) of MediaPipe's landmark list.

    They are read from its encoding where that holds nothing else: to ask for 1,434 attributes takes 0.3 ms a face.
    """
    encoded = np.frombuffer(found.SerializeToString(), np.uint8)
    if encoded.size == 17 * len(found.landmark):
        rows = encoded.reshape(-1, 17)
        if (rows[:, _FRAME] == _TAGS).all():
            return np.ascontiguousarray(rows[:, _NUMBERS]).view("<f4")
    return np.array([(p.x, p.y, p.z) for p in found.landmark], np.float32).reshape(-1, 3)
