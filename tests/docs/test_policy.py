"""What the page about policy packs says is so: its example, its statuses, its exit codes."""

from __future__ import annotations

import re
import sys
import textwrap
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from contracts.policy import PolicyGap, Status, load, on_trial, parse, read_packs
from services.cli import main, terminal
from services.cli import policy as verbs

_PAGE: Final = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
_DAY: Final = date(2028, 1, 5)
NOT_UNDERSTOOD: Final = 2
"""As of every verb."""


def _example() -> str:
    (block,) = re.findall(r"^ *```toml\n(.*?)^ *```", _PAGE, re.MULTILINE | re.DOTALL)
    return textwrap.dedent(block)


def _table(heading: str) -> list[list[str]]:
    (rows,) = re.findall(rf"^ *\| {heading} \|.*\n *\|[-|]+\n((?: *\|.*\n)+)", _PAGE, re.MULTILINE)
    return [[cell.strip().strip("`") for cell in row.strip().strip("|").split("|")] for row in rows.splitlines()]


def test_the_example_is_a_pack_that_fits_and_closes_the_gap_of_2028() -> None:
    """As the page tells to write it; without it that day waits."""
    draft = parse(_example())
    assert draft.status is Status.DRAFT
    with pytest.raises(PolicyGap):
        load().pack_for("purchase-tax", _DAY)
    tried = on_trial(load(), draft)
    assert tried.pack_for("purchase-tax", _DAY).id == draft.id
    assert tried.pack_for("purchase-tax", date(2027, 12, 31)).id == "NEV-26"


def test_every_status_stands_on_the_page_with_what_it_does() -> None:
    """Those that bind decide, the others do not, one never does."""
    told = {name: decides for name, decides, _ in _table("Status")}
    assert told == {
        status.value: "yes" if status.binds else "never" if status is Status.RETRACTED else "no" for status in Status
    }
    assert [each.value for each in verbs.Status] == [each.value for each in Status]


def test_every_exit_code_stands_on_the_page() -> None:
    """Scripts rely on them."""
    told = [int(code) for code, _ in _table("Exit code")]
    assert told == [0, terminal.FAILED, NOT_UNDERSTOOD, verbs.BAD_PACK, verbs.OPENS_GAPS]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("none.toml",), terminal.FAILED, "could not be read"),
        (("folder",), terminal.FAILED, "could not be read"),
        (("good.toml",), terminal.FAILED, "no stack is running"),
        ((), NOT_UNDERSTOOD, "without a file"),
    ],
)
def test_what_was_not_tried_ends_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, why: str
) -> None:
    """A file that is not there or is none, a good one and nothing to try it on, and no file at all."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "good.toml").write_text(_example(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tongche", "policy", "try", *words, "--data", "nowhere"])
    with pytest.raises(SystemExit) as ended:
        main()
    (told,) = (means for number, means in _table("Exit code") if int(number) == code)
    assert (ended.value.code, why in told) == (code, True)


@pytest.mark.parametrize("command", re.findall(r"^tongche policy (list[^#\n]*)", _PAGE, re.MULTILINE))
def test_the_lists_of_the_page_can_be_had(tmp_path: Path, command: str) -> None:
    """Without a running stack, as it says."""
    shown = CliRunner().invoke(verbs.app, [*command.split(), "--data", str(tmp_path)])
    assert shown.exit_code == 0, shown.output


def test_the_keys_that_scripts_read_are_those_of_a_pack() -> None:
    """What the page promises of `packs` is there."""
    (promised,) = re.findall(r"packs: \[\{([^}]*), …\}\]", _PAGE)
    assert set(promised.split(", ")) <= {*read_packs()[0].entries}
