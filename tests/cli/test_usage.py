"""What no verb understands: every verb says so in both languages, with what to type, and to scripts in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command
from typer.testing import CliRunner

from services.cli import application, terminal

_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_NONSENSE: Final = "no-such-thing"
VERBS: Final = get_command(application())
"""All of them, as they are put together; what is understood by mistake is not carried out: see `_nobody_acts`."""


class Slip(NamedTuple):
    """Something typed that no verb understands."""

    path: tuple[str, ...]
    """The verb, as far as there is one."""
    words: tuple[str, ...]
    about: str
    """What the refusal names."""

    def __str__(self) -> str:
        return " ".join((*self.path, *self.words))


def _slips() -> Iterator[Slip]:
    assert isinstance(VERBS, TyperGroup)
    yield from _of_group(VERBS, ())


def _of_group(group: TyperGroup, path: tuple[str, ...]) -> Iterator[Slip]:
    yield Slip((), (*path, _NONSENSE), _NONSENSE)
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _of_group(command, (*path, name))
        else:
            assert isinstance(command, TyperCommand)
            yield from _of_verb(command, (*path, name))


def _of_verb(command: TyperCommand, path: tuple[str, ...]) -> Iterator[Slip]:
    yield Slip(path, ("--no-such-option",), "--no-such-option")
    arguments = [one for one in command.params if isinstance(one, TyperArgument)]
    if not any(one.required for one in command.params if one not in arguments):
        yield Slip(path, (*("x" for _ in arguments), "one-more"), "1")
    for one in command.params:
        if isinstance(one, TyperArgument):
            if one.required:
                yield Slip(path, (), one.display_name_raw)
            continue
        assert isinstance(one, TyperOption)
        yield from _of_option(one, path)


def _of_option(one: TyperOption, path: tuple[str, ...]) -> Iterator[Slip]:
    option = one.opts[0]
    if one.is_flag:
        yield Slip(path, (f"{option}=yes",), option)
        return
    yield Slip(path, (option,), option)
    kind = one.type_descriptor
    if kind.parameter_info.parser or kind.is_choice or kind.is_datetime or kind.annotation in {int, float}:
        yield Slip(path, (f"{option}={_NONSENSE}",), option)
    for limit, beyond in ((kind.parameter_info.min, -1), (kind.parameter_info.max, 1)):
        if limit is not None:
            yield Slip(path, (f"{option}={limit + beyond}",), option)


SLIPS: Final = list(dict.fromkeys(_slips()))


@pytest.fixture(autouse=True)
def _nobody_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    for verb in _verbs(VERBS):
        monkeypatch.setattr(verb, "callback", _acts)


def _acts(**_: Any) -> None:
    pytest.fail("it was understood")


def _told(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What is said to people and what to a script, by all verbs as they were put together once."""
    with pytest.raises(SystemExit) as end:
        VERBS.main(words, terminal.TYPED)
    assert end.value.code == 2
    read = capsys.readouterr()
    return read.out, read.err


@pytest.mark.parametrize("slip", SLIPS, ids=str)
def test_a_slip_of_the_hand_is_told_twice_and_in_json(slip: Slip, capsys: pytest.CaptureFixture[str]) -> None:
    """A line in Chinese, one in English, one with what to type; on the output the one object, and nothing else."""
    # Behind an option that lacks its value it would be that value; before a verb that is none it would be no option.
    words = [*slip.path, "--json", *slip.words] if slip.path else [*slip.words, "--json"]
    out, err = _told(words, capsys)
    zh, en, fix = err.splitlines()
    assert slip.about in zh
    assert slip.about in en
    assert _CHINESE.search(zh)
    assert not _CHINESE.search(en)
    assert fix.startswith("→ ")
    assert fix.endswith("--help")
    told: dict[str, Any] = json.loads(out)
    assert told == {"error": en, "fix": fix.removeprefix("→ "), "code": "usage"}


def test_every_verb_was_tried() -> None:
    """Each by an option that there is not, and each kind of option by a value that it does not take."""
    tried = {slip.path for slip in SLIPS if slip.about == "--no-such-option"}
    assert {("status",), ("simulator", "serve"), ("conformance", "run"), ("partner", "live")} <= tried
    assert len(tried) == len(list(_verbs(VERBS)))


def _verbs(command: Any) -> Iterator[Any]:
    for inner in getattr(command, "commands", {}).values():
        yield from _verbs(inner)
    if not isinstance(command, TyperGroup):
        yield command


@pytest.mark.parametrize(
    ("words", "zh", "en", "fix"),
    [
        ("simulator serve tax --port 99999", "不得大于 65535", "must be at most 65535", "simulator serve --help"),
        ("simulator serve tax --seed abc", "须为整数", "must be a whole number", "simulator serve --help"),
        ("conformance run --agency tax --simulator --day 2026-02-30", "2026-11-21", "2026-11-21", "run --help"),
        ("delivery list --state gone", "须为 held | parked | dead", "must be held | parked | dead", "list --help"),
        ("delivery list --older-than soon", "例如 30m", "for example: 30m", "delivery list --help"),
        ("status --jsn", "没有选项 --jsn", "there is no option --jsn", "--json | tongche status --help"),
        ("status --data", "--data 之后须有值", "--data needs a value", "tongche status --help"),
        ("status --reset=1 --help", "没有选项 --reset", "there is no option --reset", "tongche status --help"),
        ("up --foreground=1", "--foreground 不带值", "--foreground takes no value", "tongche up --help"),
        ("case shwo", "没有命令 shwo", "there is no verb shwo", "tongche case show | tongche case --help"),
        ("simulator", "缺少命令", "a verb is missing", "tongche simulator serve | tongche simulator --help"),
        ("case show LZZTEST05TA000001 one", "多余 1 个词", "1 word too many", "tongche case show --help"),
        ("status --data x two -- --more", "多余 2 个词", "2 words too many", "tongche status --help"),
    ],
)
def test_it_says_what_would_do(words: str, zh: str, en: str, fix: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The limits, the choices, an example, the nearest word; without `--json` nothing stands on the output."""
    out, err = _told(words.split(), capsys)
    told = err.splitlines()
    assert not out
    assert zh in told[0]
    assert en in told[1]
    assert told[2].endswith(fix)


@pytest.mark.parametrize(
    "typed", ["王样本", "LZZTEST05TA000001", "lzztest05ta000001", "wang yangben", "\x1b[2J", "x" * 40]
)
@pytest.mark.parametrize(
    "before",
    [
        ("case", "show", "LZZTEST05TA000009"),
        ("case", "show", "LZZTEST05TA000009", "two words"),
        (),
        ("case",),
        ("delivery", "list", "--state"),
        ("delivery", "list", "--older-than"),
        ("delivery", "list", "-n"),
        ("disclosure", "list", "--since"),
        ("conformance", "run", "--day"),
        ("webhook", "replay", "some", "--since"),
    ],
    ids=" ".join,
)
def test_what_was_typed_is_not_said_again(
    before: tuple[str, ...], typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name or a VIN in the wrong place stands neither on the terminal nor in what a script writes to its log."""
    said = "".join(_told([*before, typed, *(("--json",) if before[1:] else ())], capsys))
    assert typed not in said
    assert typed[:3] not in said
    assert "LZZ" not in said


@pytest.mark.parametrize("typed", ["--王样本", "--王样本=1", "-王样本", "--LZZTEST05TA000001", "--lzztest05ta000001"])
def test_nor_is_what_looks_like_an_option(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A dash before a name makes no option of it."""
    out, err = _told(["case", "show", typed, "--json"], capsys)
    assert typed.lstrip("-")[:1] not in err.replace("--help", "")
    assert json.loads(out)["error"].startswith("there is no ")


def test_nor_is_a_path_that_typer_would_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own words are English only, and have the path in them."""
    file = tmp_path / "王样本.json"
    file.touch()
    monkeypatch.setattr("typer._param_types.os.access", lambda *_: False)
    out, err = _told(["delivery", "edit", "x", "--reason", "y", "--file", str(file), "--json"], capsys)
    assert "王样本" not in out + err
    assert err.splitlines()[:2] == ["--file：无法使用", "--file: cannot be used"]


def test_nothing_at_all_shows_what_there_is() -> None:
    """As before: a group alone is a question."""
    shown = CliRunner().invoke(application(), ["case"])
    assert shown.exit_code == 2
    assert "一辆车的业务" in shown.output
