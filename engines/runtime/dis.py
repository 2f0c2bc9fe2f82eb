"""Dense inverse search (Kroeger et al., ECCV 2016) from OpenCV: the reference engine, everywhere at hand."""

import threading
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.runtime.interface import FlowFields, check_crop


class DisEngine:
    """DIS at its medium preset; it makes no head flow of its own."""

    name = "dis"

    def __init__(self) -> None:
        self._own = threading.local()

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        """The crop's grey image; see `FlowEngine.encode`."""
        check_crop(crop)
        return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)

    def flow(self, first: Any, second: Any) -> FlowFields:
        """See `FlowEngine.flow`."""
        if not hasattr(self._own, "dis"):  # it keeps what it works on in itself
            self._own.dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        return FlowFields(np.asarray(self._own.dis.calc(first, second, None), dtype=np.float32), None)

    def close(self) -> None:
        """Nothing to release."""
