"""Batches for the tests of learning."""

import cv2
import numpy as np
import torch

from calib.face import CROP
from engines.meflownet.memory import Batch


def shifting(count: int) -> Batch:
    """So many pairs of a mottled picture that moves by one pixel."""
    rough = cv2.GaussianBlur(np.random.default_rng(0).uniform(-2000, 2255, (CROP, CROP, 3)), None, 4)
    mottled = torch.from_numpy(rough.clip(0, 255).astype(np.uint8)).permute(2, 0, 1)[None].repeat(count, 1, 1, 1)
    flow = torch.zeros(count, 2, CROP, CROP)
    flow[:, 0] = 1
    return Batch(mottled, mottled.roll(1, 3), flow, flow, torch.ones(count, 1, CROP, CROP), torch.zeros(count))
