"""Rendering a script: frames at any time, and the exact flow between any two times.

A point X of the face at rest (plate px) is seen at time t at S_t(X) = H_t(X + E_t(X)), H_t the motion of the head as a
solid body (`calib.phantom.head`) and E_t the expression, by which skin slides over it. E_t is given by its inverse, a
sum of the units' fields: X = Y - B_t(Y) for Y = X + E_t(X), so a frame is one backward warp, and E_t follows from a
fixed point.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import FACE_OVAL, Doubles, Floats
from calib.phantom.eyes import find_eyes
from calib.phantom.face import PhantomFace
from calib.phantom.fields import FieldMaker
from calib.phantom.head import SolidHead, moved, skin_depth, turned
from calib.phantom.script import PhantomScript


@dataclass(frozen=True)
class TrueFlow:
    """Exact flow between two times on the first frame's grid, (H, W, 2) float32 px, u right, v down.

    Attributes:
        facial: head followed by expression.
        head: where the skin would go if only the head moved.
        valid: (H, W) bool, inside the face's outline and not covered or uncovered by an eyelid.
    """

    facial: Floats
    head: Floats
    valid: NDArray[np.bool_]

    @property
    def expression(self) -> Floats:
        """Facial - head."""
        return self.facial - self.head


class PhantomVideo:
    """A scripted face of a given size; every frame is a function of its time alone."""

    def __init__(self, face: PhantomFace, script: PhantomScript, width: int = 640, height: int = 480,
                 iod_px: float = 100.0) -> None:  # fmt: skip
        """Place the face and prepare the fields of the script's units.

        Args:
            face: the photo and its mesh points.
            script: what it does.
            width, height: size of the frames, px.
            iod_px: inter-ocular distance in the frames, px.
        """
        self.script = script
        self.face = face.placed(width, height, iod_px)
        self.width, self.height, self.iod_px = width, height, iod_px
        maker = FieldMaker(self.face.landmarks, width, height)
        codes = {code for event in script.events for code, _ in event.units}
        codes = codes.union(*(distractor.codes for distractor in script.distractors))
        self._fields = {code: maker.field(code) for code in sorted(codes)}
        self._grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
        self._solid = SolidHead(skin_depth(self.face.landmarks, width, height), self.iod_px)
        rng = np.random.default_rng(script.seed)
        self._phases = rng.uniform(0, 2 * math.pi, (8, 2))
        tile = rng.standard_normal((height + 64, width + 64, 3)) * script.nuisance.noise
        self._noise = np.round(tile).astype(np.int16)
        self._eyes = find_eyes(self.face.landmarks, iod_px)

    def head(self, t_s: float) -> Doubles:
        """The head's pose H_t (4, 4) since rest (`calib.phantom.head`)."""
        n = self.script.nuisance

        def wave(row: int, hertz: float) -> float:
            first, second = self._phases[row]
            slow = math.sin(2 * math.pi * hertz * t_s + first) + 0.4 * math.sin(4.4 * math.pi * hertz * t_s + second)
            return slow / 1.4

        sway = moved(n.sway_iod * wave(2, 0.31), n.sway_iod * wave(3, 0.27), n.zoom * wave(1, 0.17))
        yaw, pitch, roll = n.turn_deg * wave(4, 0.21), n.turn_deg * wave(5, 0.19), n.roll_deg * wave(0, 0.23)
        pose = sway @ turned(yaw, pitch, roll, about_iod=0.0)
        for distractor in self.script.distractors:
            more = distractor.head(t_s)
            if more is not None:
                pose = pose @ more
        return pose

    def frame(self, t_s: float) -> NDArray[np.uint8]:
        """The frame at a time, (H, W, 3) uint8 BGR."""
        n = self.script.nuisance
        sources, face = self._sources(t_s), self._around_face(t_s)
        image = cv2.remap(self.face.photo, sources, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        # Lanczos keeps edges in their place at every sub-pixel phase; OpenCV's cubic puts some 0.05 px beside it.
        image[face] = cv2.remap(self.face.photo, sources[face], None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT)
        gain = 1 + n.light * math.sin(2 * math.pi * 0.11 * t_s + self._phases[6, 0])
        if n.light_step_s is not None and t_s >= n.light_step_s:
            gain += n.light_step
        for distractor in self.script.distractors:
            gain *= distractor.gain(t_s)
        image = cv2.convertScaleAbs(image, alpha=gain)
        if n.noise > 0:
            # Another cut of one noise tile for every frame: as good as fresh noise, ten times as fast.
            y, x = np.random.default_rng([self.script.seed, round(t_s * 1e6)]).integers(0, 64, 2)
            cut = self._noise[y : y + self.height, x : x + self.width]
            image = cv2.add(image, cut, dtype=cv2.CV_8U)
        quality = self.script.jpeg(t_s)
        if quality is not None:
            packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            image = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        return np.asarray(image, dtype=np.uint8)

    def flow(self, t0_s: float, t1_s: float) -> TrueFlow:
        """Exact flow from the frame at `t0_s` to the frame at `t1_s`."""
        kept = self._solid.at_rest(self.head(t0_s))
        at_rest = self._relaxed(kept, t0_s)
        head = self._solid.seen(kept, self.head(t1_s)) - self._grid
        facial = self._solid.seen(at_rest + self._expression(at_rest, t1_s), self.head(t1_s)) - self._grid
        valid = np.zeros((self.height, self.width), np.uint8)
        outline = self.face.landmarks[list(FACE_OVAL), :2]
        cv2.fillPoly(valid, [np.round(outline).astype(np.int32)], 1)
        looks = self.script.gaze(t0_s) != 0 or self.script.gaze(t1_s) != 0
        for eye, before, after in zip(self._eyes, self.script.lids(t0_s), self.script.lids(t1_s), strict=True):
            if before or after or looks:
                eye.hide(valid)
        seen = cv2.remap(valid, kept, None, cv2.INTER_NEAREST)
        return TrueFlow(facial.astype(np.float32), head.astype(np.float32), seen > 0)

    def landmarks(self, t_s: float) -> Floats:
        """Where the mesh points are at a time, (478, 3); the depth is the plate's."""
        points = self.face.landmarks[None, :, :2]
        seen = self._solid.seen(points + self._expression(points, t_s), self.head(t_s))[0]
        return np.hstack([seen, self.face.landmarks[:, 2:]]).astype(np.float32)

    def _around_face(self, t_s: float) -> tuple[slice, slice]:
        """The part of a frame that the face and half an inter-ocular distance around it take, rows and columns."""
        outline = self._solid.seen(self.face.landmarks[None, list(FACE_OVAL), :2], self.head(t_s))[0]
        margin, end = self.iod_px / 2, (self.width, self.height)
        x, y = (slice(*np.clip([np.min(o) - margin, np.max(o) + margin], 0, side).astype(int).tolist())
                for o, side in zip(outline.T, end, strict=True))  # fmt: skip
        return y, x

    def _strengths(self, t_s: float) -> dict[str, float]:
        """Amplitude in IOD of every unit that is active at a time."""
        active: dict[str, float] = {}
        for event in self.script.events:
            share = event.strength(t_s)
            if share > 0:
                for code, amplitude in event.units:
                    active[code] = active.get(code, 0.0) + share * amplitude
        for distractor in self.script.distractors:
            for code, amplitude in distractor.strengths(t_s).items():
                active[code] = active.get(code, 0.0) + amplitude
        return active

    def _backward(self, t_s: float) -> Floats | None:
        """B_t on the plate's grid, or None at rest."""
        total: Floats | None = None
        for code, amplitude in self._strengths(t_s).items():
            part = self._fields[code] * np.float32(amplitude)
            total = part if total is None else total + part
        return total

    def _relaxed(self, kept: Floats, t_s: float) -> Floats:
        """The points of the plate at rest (H, W, 2) whose skin an expression brought to the points `kept`."""
        backward = self._backward(t_s)
        if backward is None:
            return kept
        came = cv2.remap(backward, kept, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(kept - came, dtype=np.float32)

    def _expression(self, at_rest: NDArray[np.floating[Any]], t_s: float) -> Floats:
        """E_t at points of the plate (h, w, 2): E(X) = B(X + E(X)), iterated to below a thousandth of a pixel."""
        points = at_rest.astype(np.float32)
        expression = np.zeros_like(points)
        backward = self._backward(t_s)
        if backward is not None:
            for _ in range(25):
                expression = cv2.remap(
                    backward, points + expression, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
                )
        return expression

    def _sources(self, t_s: float) -> Floats:
        """The backward warp of a frame, with the eyelids drawn down and the irises turned."""
        sources = self._relaxed(self._solid.at_rest(self.head(t_s)), t_s).copy()
        shift_px = self.script.gaze(t_s) * self.iod_px
        for eye, closure in zip(self._eyes, self.script.lids(t_s), strict=True):
            if closure > 0:
                eye.close(sources, closure)
            if shift_px:
                eye.turn(sources, shift_px)
        return sources
