"""A followed face: the frame that its displacement is measured from, and what it did in the last seconds.

Displacement from one anchor has no drift. When the anchor moves, the displacement reached by then is carried over, so
that the curves go on without a step. What was wrong with it goes along; so a face that returns to where it was is
measured from the anchor that it had there.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calib.face import CROP_IOD, REGIONS, Doubles, Floats
from engines.head import HeadFit
from engines.regions import RegionMeter
from engines.relief import Relief
from engines.runtime import CropError, FlowFields
from engines.trail import Trail

SEEN = np.array([region.part != "eyelid" for region in REGIONS])
"""The regions that can open an event: all but the eyelids."""

_APART_NS = 100_000_000  # a frame that is farther away shows another moment
_LEAD_NS = 33_000_000  # so long before its onset, as it is told, a movement has not begun
_REST_NS = 500_000_000
_NEAR_IOD = 0.01  # no region of a face at rest is farther from where it was in the anchor…
_HELD_NS = 5_000_000_000  # …but what is held for longer than any expression (MEGC: 4 s) is the face's new rest
_KEPT = 4  # so many anchors under other crops are kept, features and all: those of the crops that were held longest
_STILL, _STILL_IOD = 2.5, 0.0005  # a face whose regions wander by so many times their jitter, or less than this, rests


@dataclass
class Shot:
    """A frame of a face as the flow sees it.

    Attributes:
        t_ns: its time in the stream.
        crop: (256, 256, 3) uint8 RGB.
        landmarks: the mesh points (478, 3), px of the crop.
        epoch: number of the crop's transform.
        encoded: the engine's features of the crop, or why it has none.
        anchor: number of the anchor that it was measured from; -1 before.
        found: the flow from that frame, on the grid (64, 64, 2) px; None where it is not kept.
    """

    t_ns: int
    crop: NDArray[np.uint8]
    landmarks: Floats
    epoch: int
    encoded: Any = None
    anchor: int = -1
    found: Floats | None = None

    def since(self, earlier: "Shot") -> Floats | None:
        """About what the flow from an earlier frame is, (64, 64, 2) px; None if they have no anchor in common."""
        if self.found is None or earlier.found is None or self.anchor != earlier.anchor:
            return None
        return self.found - earlier.found  # each place where it was in the anchor, some px from where it was earlier

    def check(self) -> None:
        """Refuse a crop without features.

        Raises:
            CropError: the crop cannot be measured.
        """
        if isinstance(self.encoded, CropError):
            raise self.encoded


@dataclass(frozen=True)
class Anchor:
    """What displacement is measured from.

    Attributes:
        shot: the frame.
        fit, meter: of its face.
        trail: the flow from it to the last frames.
        carried: displacement (29, 2) IOD up to it.
        pose: how far the head had turned and come nearer up to it, (3,) as in `Motion`.
        number: of the face's anchors, from 0.
    """

    shot: Shot
    fit: HeadFit
    meter: RegionMeter
    trail: Trail
    carried: Doubles
    pose: Doubles
    number: int

    @classmethod
    def at(cls, shot: Shot, carried: Doubles, pose: Doubles, number: int) -> "Anchor":
        """A frame as an anchor.

        Raises:
            CropError: too little of the face is in the crop.
        """
        trail = Trail(shot.crop, shot.encoded, shot.t_ns)
        return cls(shot, HeadFit(shot.landmarks), RegionMeter(shot.landmarks), trail, carried, pose, number)


@dataclass
class Curve:
    """A followed face.

    Attributes:
        anchor: what displacement is measured from.
        left: anchors under other crops, by the number of the crop's transform.
        lasted_ns: how long each crop was held.
        relief: what is known of the regions' depths.
        pose: how far the head has turned and come nearer since the curve began, (3,) as in `Motion`.
        anchors: how many there were.
        history: the last seconds' frames, without features.
        recent: displacement at each time, ns, of the last half second.
        jitter_iod: typical step of a region from frame to frame.
        near_ns: when the face was last near to where it was in the anchor.
    """

    anchor: Anchor
    left: dict[int, Anchor] = field(default_factory=dict)
    lasted_ns: dict[int, int] = field(default_factory=dict)
    relief: Relief = field(default_factory=Relief)
    pose: Doubles = field(default_factory=lambda: np.zeros(3))
    anchors: int = 1
    history: deque[Shot] = field(default_factory=deque)
    recent: deque[tuple[int, Doubles]] = field(default_factory=deque)
    jitter_iod: float = 0.001
    near_ns: int = 0

    @classmethod
    def begin(cls, shot: Shot) -> "Curve":
        """A curve that begins with a frame.

        Raises:
            CropError: too little of the face is in the crop.
        """
        return cls(Anchor.at(shot, np.zeros((len(REGIONS), 2)), np.zeros(3), 0))

    def measure(self, fields: FlowFields | None, t_ns: int) -> tuple[Doubles, Doubles]:
        """Displacement (29, 2) IOD since the curves began, and the head's motion since the anchor (2, 4).

        Args:
            fields: the flow from the anchor to the frame; None if it is the anchor.
            t_ns: the frame's time.
        """
        anchor = self.anchor
        if fields is None:
            self.pose = anchor.pose
            return anchor.carried, np.zeros((2, 4))
        expression, coefficients = anchor.fit.expression(fields)
        moved, turn = anchor.meter.displacements(expression), coefficients[:, 3] / CROP_IOD
        if self.recent:
            self.relief.learn(moved, turn, (t_ns - self.recent[-1][0]) / 1e9)
        nearer = (coefficients[0, 1] + coefficients[1, 2]) / 2 / CROP_IOD
        self.pose = anchor.pose + np.array([*-turn, nearer])
        return anchor.carried + np.nan_to_num(moved - self.relief.left(turn)), coefficients

    def remember(self, shot: Shot, displacement: Doubles, found: Floats | None, history_s: float) -> None:
        """Take in a frame and what was measured of it; frames older than `history_s` are let go.

        Args:
            shot: the frame.
            displacement: (29, 2) IOD since the curves began.
            found: the flow from the anchor, where an event could begin with it; see `Shot`.
            history_s: how long frames are kept.
        """
        # Without the features, which take six times the crop's memory: held for an event that may come, they leave none
        # of it to be used again, and every frame takes a fifth longer.
        self.history.append(replace(shot, encoded=None, anchor=self.anchor.number, found=found))
        while shot.t_ns - self.history[0].t_ns > history_s * 1e9:
            self.history.popleft()
        if self.recent:
            step = np.abs(displacement[SEEN] - self.recent[-1][1][SEEN])
            # The median step of a still face is 0.95 σ of one sample (1.349 / √2): a slow mean of it.
            self.jitter_iod += 0.05 * (float(np.median(step)) / 0.954 - self.jitter_iod)
            since_ns = shot.t_ns - self.recent[-1][0]
            self.lasted_ns[shot.epoch] = self.lasted_ns.get(shot.epoch, 0) + since_ns
        self.recent.append((shot.t_ns, displacement))
        if np.hypot(*(displacement - self.anchor.carried)[SEEN].T).max() < _NEAR_IOD:
            self.near_ns = shot.t_ns
        while shot.t_ns - self.recent[0][0] > _REST_NS:
            self.recent.popleft()

    def nearest(self, t_ns: int) -> Shot | None:
        """The frame at hand that is next in time; None if that is farther than `_APART_NS` and two frames."""
        shot = min(self.history, key=lambda shot: abs(shot.t_ns - t_ns))
        return shot if self._shows(shot, t_ns) else None

    def before(self, onset_ns: int) -> Shot | None:
        """A frame in which a movement has not begun yet: the last one `_LEAD_NS` before its onset.

        An onset is told where the movement clearly leaves rest: of the phantom's, 24 ms after it truly does (long
        ones, 50), when up to half of a quick one is over. Without such a frame at hand, the one next to the onset.
        """
        earlier = [shot for shot in self.history if shot.t_ns <= onset_ns - _LEAD_NS]
        return earlier[-1] if earlier and self._shows(earlier[-1], onset_ns) else self.nearest(onset_ns)

    def _shows(self, shot: Shot, t_ns: int) -> bool:
        """Whether a frame is near enough to a moment to show it."""
        step_ns = (self.history[-1].t_ns - self.history[0].t_ns) / max(len(self.history) - 1, 1)
        return abs(shot.t_ns - t_ns) <= max(_APART_NS, 2 * step_ns)

    def resting(self, rest_iod: float) -> bool:
        """Whether the face has been still for half a second, and shows no expression.

        Still: no region wandered by `rest_iod` or far beyond jitter. A face that holds an expression is as still; but
        from an anchor there the return to rest would be a large flow, which is the less exact.
        """
        newest_ns = self.recent[-1][0]
        if newest_ns - self.recent[0][0] < 0.8 * _REST_NS or 0 < newest_ns - self.near_ns < _HELD_NS:
            return False
        wander = np.stack([d for _, d in self.recent]).std(axis=0).max(axis=1)
        # A small movement is no rest either: an anchor taken in the middle of it would shift all that follows.
        still_iod = float(np.clip(_STILL * self.jitter_iod, _STILL_IOD, rest_iod))
        return bool(wander[SEEN].max() < still_iod and wander.max() < rest_iod)

    def move_anchor(self, shot: Shot, displacement: Doubles) -> None:
        """Measure from another frame on, at which the displacement was this.

        Raises:
            CropError: too little of the face is in the crop.
        """
        self._leave_for(shot.epoch)
        self.anchor = Anchor.at(shot, displacement, self.pose, self.anchors)
        self.anchors += 1

    def follow_crop(self, shot: Shot) -> None:
        """Measure from an anchor under the same crop as a frame, if there is one; else from that frame on.

        Raises:
            CropError: too little of the face is in the crop.
        """
        known = self.left.get(shot.epoch)
        if known is None:
            # The crop changed and its bridging frame was dropped: go on from the last displacement known.
            self.move_anchor(shot, self.recent[-1][1] if self.recent else self.anchor.carried)
            return
        self._leave_for(shot.epoch)
        self.anchor = known

    def _leave_for(self, crop: int) -> None:
        """Keep the anchor, if the next one is under another crop."""
        if self.anchor.shot.epoch != crop:
            self.left[self.anchor.shot.epoch] = self.anchor
        self.left.pop(crop, None)
        longest = sorted(self.left, key=lambda epoch: self.lasted_ns.get(epoch, 0))[-_KEPT:]
        self.left = {epoch: self.left[epoch] for epoch in longest}
        self.lasted_ns = {epoch: self.lasted_ns.get(epoch, 0) for epoch in (*longest, crop)}
