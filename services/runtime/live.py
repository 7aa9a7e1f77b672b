"""Which organisations are live: who switched each to its own address, on what proof, and when.

Until somebody does, the simulator plays it. One line an act, never changed afterwards; the last one of an organisation
holds. Dispatch chooses its ways when it starts; whoever is switched while it runs is told nothing any more until it
starts anew. That nothing is under way then, which would be begun again at the other address, whoever writes an act has
seen to (`services.cli.switching`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from contracts.types import Identifier, Sha256, Text

Url = Annotated[str, StringConstraints(pattern=r"^(https?|sftp)://[^\s?#]+$")]


class Act(BaseModel):
    """One switch: to its own address with a proof of conformance, or back to the simulator with a reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    by: Text
    organisation: Identifier
    url: Url | None = None
    """Where it answers from now on; none is the simulator."""
    proof: Sha256 | None = None
    """Of the signed result file that opened the way."""
    stand_in: bool = False
    """Whether a simulator of ours stands there in its place, for practice: nobody real answers."""
    vouched: Annotated[int, Field(ge=0)] = 0
    """How many deliveries had no outcome, of which the person says that they were asked about and not carried out."""
    reason: Text | None = None

    @model_validator(mode="after")
    def _goes_on_proof_and_back_with_a_reason(self) -> Act:
        is_back = self.url is None
        needs_reason = is_back or self.vouched > 0
        if is_back != (self.proof is None) or (is_back and self.stand_in) or (needs_reason and self.reason is None):
            message = "an address needs a proof, and the way back a reason"
            raise ValueError(message)
        return self


class UnreadableActsError(RuntimeError):
    """The file is not what it must be: nobody knows whom commands would reach."""


def acts(path: Path) -> tuple[Act, ...]:
    """Every act, the oldest first; none where there is no file. Raises `UnreadableActsError`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as wrong:
        raise UnreadableActsError(f"{path.name}: {type(wrong).__name__}") from wrong
    return tuple(_act(f"{path.name}:{number}", line) for number, line in enumerate(lines, start=1))


def addresses(done: Iterable[Act]) -> dict[str, str]:
    """Where each live organisation answers."""
    last = {act.organisation: act.url for act in done}
    return {organisation: url for organisation, url in last.items() if url is not None}


@dataclass(slots=True)
class Live:
    """Who is live, as the file has it now: looked at whenever somebody asks, and read when it has changed."""

    path: Path
    _known: Mapping[str, str] = field(default_factory=dict)
    _read: tuple[int, int] | None = None

    def address(self, organisation: str) -> str | None:
        """Where it answers; None is the simulator. Raises `UnreadableActsError`."""
        stamp = self._stamp()
        if stamp != self._read:
            self._known, self._read = addresses(acts(self.path)), stamp
        return self._known.get(organisation)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as wrong:
            raise UnreadableActsError(f"{self.path.name}: {type(wrong).__name__}") from wrong
        return stat.st_mtime_ns, stat.st_ino


def written(done: Iterable[Act]) -> str:
    """The file."""
    return "".join(act.model_dump_json(exclude_defaults=True) + "\n" for act in done)


def _act(where: str, line: str) -> Act:
    try:
        return Act.model_validate_json(line)
    except ValidationError as wrong:
        places = ", ".join(".".join(map(str, error["loc"])) or "line" for error in wrong.errors())
        raise UnreadableActsError(f"{where}: {places}") from None
