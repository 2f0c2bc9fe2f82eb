"""Pairs of two real photos of one person, neutral and posed: large, real expressions with all that changes in them.

Their flow is not known exactly. The mesh points of both photos tell it to a pixel or two, enough to teach that a mouth
that opens into a smile is still a mouth; errors within `TOLERANCE_PX` do not count.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, FACE_OVAL, Floats
from engines.head import HeadFit, mesh_field

TOLERANCE_PX = 1.5
"""How far the mesh may be off, px of the crop: 2 % of the distance between the eyes."""

_MARGIN_PX = 6


def posed_flow(before: Floats, after: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """What the mesh tells of the flow between two photos.

    Args:
        before, after: (478, 3) mesh points in both crops, px.

    Returns:
        facial and head flow (256, 256, 2) px on the first crop's grid, and where they may be trusted (256, 256).

    Raises:
        CropError: too little of the face lies in its crop.
    """
    facial = mesh_field(before, after[:, :2] - before[:, :2])
    fit = HeadFit(before)
    head = fit.field(fit.coefficients(facial))
    outline = np.zeros((CROP, CROP), np.uint8)
    cv2.fillPoly(outline, [np.round(before[list(FACE_OVAL), :2]).astype(np.int32)], 1)
    inside = cv2.erode(outline, np.ones((2 * _MARGIN_PX + 1,) * 2, np.uint8))
    return facial, head, np.asarray(inside > 0)
