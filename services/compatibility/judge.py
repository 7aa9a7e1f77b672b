"""The gate: one pure function from two schemas to a verdict."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import jsonschema_rs

from services.compatibility import words
from services.compatibility.formats import predicates
from services.compatibility.modes import Direction, Mode
from services.compatibility.outcome import Found, Nothing, Outcome
from services.compatibility.profile import escaped
from services.compatibility.reading import Reading
from services.compatibility.search import EXAMPLES, search
from services.compatibility.solver import Solver
from services.compatibility.terms import Claim
from services.compatibility.values import frozen, thawed


@dataclass(frozen=True, slots=True)
class Verdict:
    """`compatible` is True by proof, False by `witness`, None where neither was found.

    `witness` is a JSON value that one schema takes and the other refuses, as the validator confirmed; null is a value
    too, told only where no other was at hand: look at `found`. `place` is the JSON pointer of what refuses it;
    `direction` is the one that fails or stays open. `reason` is one sentence in Chinese and English.
    """

    compatible: bool | None
    mode: Mode
    reason: str
    witness: Any = None
    direction: Direction | None = None
    place: str | None = None

    @property
    def found(self) -> bool:
        """Whether `witness` is one."""
        return self.compatible is False

    def as_json(self) -> dict[str, Any]:
        """For a script; a number with more digits than a float has is told as the nearest."""
        return {
            "compatible": self.compatible,
            "witness": json.loads(json.dumps(self.witness, default=_nearest)),
            "found": self.found,
            "reason": self.reason,
            "mode": self.mode.value,
            "direction": self.direction,
            "place": self.place,
        }


def _nearest(number: Decimal) -> float:
    """Never infinity, which JSON cannot say."""
    return max(-sys.float_info.max, min(float(number), sys.float_info.max))


_NULL: Final = Found(frozen(None))
_GRAVITY: Final = {False: 0, None: 1, True: 2}


def judge(old: Any, new: Any, mode: Mode = Mode.BACKWARD, *, examples: int = EXAMPLES) -> Verdict:
    """Whether `new` may take the place of `old`, both JSON Schemas as Python reads them from JSON.

    `examples` is how many values are tried where the proof stays open. The transitive modes are those of histories
    (`judge_all`); of two schemas they ask what the plain ones ask. Raises `profile.OutsideProfile` for a schema that
    cannot be judged.
    """
    pairs: dict[Direction, tuple[Any, Any]] = {"backward": (old, new), "forward": (new, old)}
    verdicts = [_Comparison(*pairs[way], mode, way, examples).verdict() for way in mode.directions]
    return min(verdicts, key=lambda one: _GRAVITY[one.compatible])


def judge_all(history: list[Any], new: Any, mode: Mode, *, examples: int = EXAMPLES) -> Verdict:
    """`new` against the versions before it, oldest first: all of them if the mode is transitive, else the last."""
    before = history if mode.transitive else history[-1:]
    verdicts = [judge(old, new, mode, examples=examples) for old in before]
    return min(verdicts, key=lambda one: _GRAVITY[one.compatible], default=Verdict(True, mode, words.FIRST))


class _Comparison:
    """One direction: does all that is `written` by one schema fit the one it is `read` by?"""

    def __init__(self, written: Any, read: Any, mode: Mode, direction: Direction, examples: int) -> None:
        self._documents = (written, read)
        self._mode = mode
        self._direction = direction
        self._examples = examples
        reading = Reading()
        self._fits = Claim(reading.read(written), holds=True)
        self._refused = Claim(reading.read(read), holds=False)
        self._tells = Claim(reading.of_kind("null"), holds=False)
        self._solver = Solver(reading)
        self._takes, self._reads = validator(written), validator(read)

    def verdict(self) -> Verdict:
        outcome = self._witness()
        if isinstance(outcome, Nothing):
            return Verdict(True, self._mode, words.proved(self._direction))
        if isinstance(outcome, Found) and self._is_witness(witness := thawed(outcome.value)):
            return self._failed(witness)
        why = words.UNCONFIRMED if isinstance(outcome, Found) else outcome.why
        found = search(self._documents, self._base(), self._is_witness, self._examples)
        if found is not None:
            return self._failed(*found)
        return Verdict(None, self._mode, words.undecided(self._direction, why), None, self._direction)

    def _witness(self) -> Outcome:
        """What the solver knows; a value that says more than null, where there is one."""
        outcome = self._solver.value(self._fits, self._refused)
        if outcome == _NULL:
            more = self._solver.value(self._fits, self._refused, self._tells)
            return more if isinstance(more, Found) and self._is_witness(thawed(more.value)) else outcome
        return outcome

    def _base(self) -> Any:
        """A value that is written, to begin the search with."""
        outcome = self._solver.value(self._fits)
        return thawed(outcome.value) if isinstance(outcome, Found) else {}

    def _is_witness(self, value: Any) -> bool:
        return self._takes.is_valid(value) and not self._reads.is_valid(value)

    def _failed(self, witness: Any) -> Verdict:
        error = min(self._reads.iter_errors(witness), key=lambda one: len(one.schema_path))
        place = "".join(f"/{escaped(str(step))}" for step in error.schema_path)
        part = "".join(f"/{escaped(str(it))}" for it in error.instance_path)
        reason = words.refused(self._direction, place, part, _property(error.kind))
        return Verdict(False, self._mode, reason, witness, self._direction, place)


def _property(kind: Any) -> str | None:
    """The property that is missing, or the first that nobody knows."""
    return getattr(kind, "property", None) or next(iter(getattr(kind, "unexpected", ())), None)


def validator(schema: Any) -> jsonschema_rs.Draft202012Validator:
    """The validator whose word counts: formats asserted, ours and those of the draft as `formats` has them."""
    return jsonschema_rs.Draft202012Validator(
        schema, validate_formats=True, formats=predicates(), ignore_unknown_formats=False, offline=True
    )
