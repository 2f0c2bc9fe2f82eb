"""How many frames were not looked at, when several processes announce what they have skipped.

A process that is behind names the frames from the oldest to the newest that it skips; others among them may have been
skipped before they came to it.
"""

from realtime.messages import Gap


class Skips:
    """Counts the frames in gaps, each once.

    Attributes:
        gaps: how many were announced.
        frames: how many frames are in them.
    """

    def __init__(self) -> None:
        self.gaps = self.frames = 0
        self._spans: list[tuple[int, int]] = []  # first and last, apart from each other, in order

    def note(self, gap: Gap) -> None:
        """Take in a gap; they come nearly in order."""
        self.gaps += 1
        first, last = gap.from_seq, gap.to_seq
        if last < first:
            return
        later: list[tuple[int, int]] = []
        while self._spans and self._spans[-1][1] >= first:
            start, end = self._spans.pop()
            if start > last:
                later.append((start, end))
                continue
            self.frames -= end - start + 1
            first, last = min(first, start), max(last, end)
        self.frames += last - first + 1
        self._spans += [(first, last), *reversed(later)]
