"""Up to where a partition may be committed while its messages finish out of order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Watermark:
    """The contiguous watermark of one partition.

    `committable` is the offset to commit: everything below it is finished. None until something is.
    """

    committable: int | None = None
    _fetched: deque[int] = field(default_factory=deque)
    _finished: set[int] = field(default_factory=set)

    def fetched(self, offset: int) -> None:
        """Note a record, in the order of its partition."""
        self._fetched.append(offset)

    def finished(self, offset: int) -> None:
        """Note that a record needs nothing more."""
        self._finished.add(offset)
        # Offsets have gaps (compaction, transaction markers): step along what was fetched, never by one.
        while self._fetched and self._fetched[0] in self._finished:
            head = self._fetched.popleft()
            self._finished.remove(head)
            self.committable = head + 1

    @property
    def ahead(self) -> int:
        """How many records are finished and may not be committed, since one before them is not."""
        return len(self._finished)

    @property
    def unfinished(self) -> int:
        """How many records of this partition are in memory."""
        return len(self._fetched)
