"""Of which vehicles something may wait, in memory that does not grow with how many there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MOST: Final = 10_000


@dataclass(slots=True)
class Keys:
    """The keys of what is parked, while they are few. Once they are more than `most`, any key may be one.

    A key too many costs a look into the store, one too few would let a command overtake: so a key is forgotten only by
    who has looked. Whatever is parked is added when it is durable, and not before.
    """

    most: int = MOST
    _known: set[str] | None = field(default_factory=set)
    _heard: set[str] | None = None
    """What was added since reading began, up to one too many; none while nobody reads."""
    _in_vain: int = 0
    """How often a look found nothing, since any key may be one."""

    def __contains__(self, key: str) -> bool:
        return self._known is None or key in self._known

    def __bool__(self) -> bool:
        return self._known is None or bool(self._known)

    def add(self, key: str) -> None:
        """Something of it is parked, durably."""
        if self._heard is not None and len(self._heard) <= self.most:
            self._heard.add(key)
        if self._known is None:
            return
        self._known.add(key)
        if len(self._known) > self.most:
            # Perhaps they are not so many: what people decided about is still among them.
            self._known = None
            self._in_vain = self.most

    def discard(self, key: str) -> None:
        """Nothing of it is parked any more."""
        if self._known is None:
            self._in_vain += 1
        else:
            self._known.discard(key)

    @property
    def doubtful(self) -> bool:
        """Whether it is worth reading anew which there are: it costs no more than the looks that found nothing."""
        return self._known is None and self._in_vain >= self.most

    def listen(self) -> None:
        """From now on it is being read which there are."""
        self._heard = set()
        self._in_vain = 0

    def learn(self, found: set[str]) -> None:
        """These were there at some moment since `listen`, or so many of them that it does not matter which."""
        known = found | (self._heard or set())
        self._known, self._heard = known if len(known) <= self.most else None, None
