"""Every contract of ours against all that was ever published of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from contracts import published
from contracts.fields import FIELDS, field_names
from contracts.published import Revision
from contracts.schemas import schema_of
from contracts.versions import Versions
from services.compatibility import words
from services.compatibility.judge import Verdict, judge
from services.compatibility.modes import Mode
from services.compatibility.profile import APPLICATORS
from services.compatibility.rules import fresh

State = Literal["same", "unfrozen", "undescribed", "broken", "undecided"]
"""As published; differs, and may be frozen; could be, if its fields were explained; must not be so; nobody knows."""

_CLOSING: Final = ("additionalProperties", "unevaluatedProperties")


@dataclass(frozen=True, slots=True)
class Finding:
    """What the gate found about one version: the verdict against each revision that it was compared with.

    `undescribed` names its fields that have no row in the dictionary: a published file explains every field.
    """

    contract: str
    version: int
    mode: Mode
    state: State
    verdicts: tuple[tuple[Revision, Verdict], ...] = ()
    undescribed: tuple[str, ...] = ()

    @property
    def worst(self) -> tuple[Revision, Verdict] | None:
        """The revision that it goes wrong with, if it does."""
        return next((one for one in self.verdicts if one[1].compatible is not True), None)


def mode_of(versions: Versions) -> Mode:
    """What a change of a published version owes to others.

    Commands are ours to write and lie stored for days before an adapter reads them: what was written stays readable.
    Events are written by others and by us, lie in topics for months, and subscribers read them with their own schemas:
    what was written must stay readable, and what is written now, to who knows an older revision.
    """
    return Mode.BACKWARD_TRANSITIVE if versions.kind == "command" else Mode.FULL_TRANSITIVE


def opened(schema: Any) -> Any:
    """The schema of a reader that ignores fields it does not know: nothing in it is closed."""
    if not isinstance(schema, dict):
        return schema
    open_ = {name: value for name, value in schema.items() if not (name in _CLOSING and value is False)}
    for name, holds in APPLICATORS.items():
        match holds, open_.get(name):
            case "one", dict() as one:
                open_[name] = opened(one)
            case "list", list() as several:
                open_[name] = [opened(one) for one in several]
            case "map", dict() as named:
                open_[name] = {key: opened(one) for key, one in named.items()}
    return open_


def findings(contracts: Iterable[Versions], revisions: Iterable[Revision]) -> Iterator[Finding]:
    """One finding for each version of each contract; and one for each that was published and is no more."""
    left: dict[tuple[str, int], list[Revision]] = {}
    for one in revisions:
        left.setdefault((one.contract, one.version), []).append(one)
    for versions in contracts:
        for number in range(1, versions.newest + 1):
            yield _finding(versions, number, left.pop((versions.name, number), []))
    for (contract, version), _ in sorted(left.items()):
        yield Finding(contract, version, Mode.FULL_TRANSITIVE, "broken")


def _finding(versions: Versions, number: int, revisions: list[Revision]) -> Finding:
    current, mode = schema_of(versions, number), mode_of(versions)
    verdicts = tuple((one, against(one.schema, current, mode)) for one in revisions)
    told = [verdict.compatible for _, verdict in verdicts]
    undescribed = tuple(sorted(field_names(versions.model(number)) - FIELDS.keys()))
    if False in told:
        state: State = "broken"
    elif None in told:
        state = "undecided"
    elif undescribed:
        state = "undescribed"
    else:
        state = "same" if revisions and revisions[-1].schema == current else "unfrozen"
    return Finding(versions.name, number, mode, state, verdicts, undescribed)


def against(frozen: Any, current: Any, mode: Mode) -> Verdict:
    """The verdict on a class and one frozen schema; forward, the reader of the frozen one is an open one.

    A rule that came, or is not as it was, is undecided: no schema says what it refuses of what was written.
    """
    verdicts = [judge(frozen, current, Mode.BACKWARD)] if "backward" in mode.directions else []
    if "forward" in mode.directions:
        verdicts.append(judge(opened(frozen), current, Mode.FORWARD))
    if found := fresh(frozen, current):
        verdicts.append(Verdict(None, mode, words.fresh_rules(found), None, "backward"))
    return next((one for one in verdicts if one.compatible is not True), verdicts[0])


def freeze(contracts: Iterable[Versions], folder: Path) -> list[str]:
    """Write the next revision of each version that differs and may be frozen; say which files."""
    contracts, revisions = list(contracts), published.read(folder)
    written = []
    by_name = {versions.name: versions for versions in contracts}
    for finding in findings(contracts, revisions):
        if finding.state != "unfrozen":
            continue
        schema = schema_of(by_name[finding.contract], finding.version)
        revision = Revision(finding.contract, finding.version, 1 + len(finding.verdicts), schema)
        published.add(folder, revision)
        written.append(revision.file)
    return written
