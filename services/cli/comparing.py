"""`contracts check|diff|freeze`: what a change of a contract breaks, and whether what is published still stands."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from services.cli.finding import version_of
from services.cli.terminal import FAILED, Json, answer, out, talk
from services.compatibility.modes import Mode
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from contracts.versions import Versions
    from services.compatibility.gate import Finding
    from services.compatibility.judge import Verdict
    from services.compatibility.profile import OutsideProfile

INCOMPATIBLE: Final = 4
UNDECIDED: Final = 5
UNFROZEN: Final = 6

_COMPATIBLE: Final = {
    True: ("✓ 兼容 compatible", "green"),
    False: ("✗ 不兼容 incompatible", "bold red"),
    None: ("? 未定 undecided", "yellow"),
}
_STATES: Final = {
    "same": ("✓ 一致 same", "green"),
    "unfrozen": ("• 待冻结 freeze", "yellow"),
    "undescribed": ("✗ 无说明 unexplained", "bold red"),
    "broken": ("✗ 不兼容 broken", "bold red"),
    "undecided": ("? 未定 open", "yellow"),
}
_IN_THE_WAY: Final = frozenset({"broken", "undecided", "undescribed"})
_GONE: Final = "已发布的版本没有类了 / it was published and has no class any more"
_CHECK_FILES: Final = "tongche contracts check --old FILE --new FILE"
_DIFF_FILES: Final = "tongche contracts diff --old FILE --new FILE"
_CHANGES: Final = {
    "added": ("+", "green", "新增 added"),
    "removed": ("-", "red", "删除 removed"),
    "changed": ("~", "yellow", "变更 changed"),
}


Old = Annotated[Path | None, typer.Option("--old", metavar="FILE", help="旧的 JSON Schema / the old schema")]
New = Annotated[Path | None, typer.Option("--new", metavar="FILE", help="新的 JSON Schema / the new schema")]
ModeOption = Annotated[
    Mode | None,
    typer.Option("--mode", case_sensitive=False, help="比较方式，默认 BACKWARD / who must understand whom"),
]


def check(
    old: Old = None,
    new: New = None,
    mode: ModeOption = None,
    as_json: Json = False,
    all_: Annotated[bool, typer.Option("--all", help="也列出一致的 / also what is as published")] = False,
) -> None:
    """对照已发布的各版本；或比较两个文件 / our contracts against all that was published; or two files.

    Exit code 0: compatible. 1: a file cannot be judged. 4: incompatible. 5: neither proved nor refuted. 6: compatible,
    and to be frozen, once every field has its row in the dictionary.
    """
    if old is not None or new is not None:
        verdict = _of_files(*_both(old, new, fix=_CHECK_FILES), mode, as_json=as_json)
        _tell(verdict, as_json=as_json)
        raise typer.Exit(_code(verdict))
    from contracts.published import published
    from contracts.registry import CONTRACTS
    from services.compatibility.gate import findings

    _as_written()
    found = list(findings(CONTRACTS.values(), published()))
    if as_json:
        answer({"contracts": [_finding(one) for one in found]} | _sums(found))
    else:
        _report(found, whole=all_)
    raise typer.Exit(_worst(found))


def diff(  # noqa: PLR0913, PLR0917 - two ways to name what is compared
    contract: Annotated[str | None, typer.Argument(metavar="[CONTRACT")] = None,
    before: Annotated[str | None, typer.Argument(metavar="vA")] = None,
    after: Annotated[str | None, typer.Argument(metavar="vB]")] = None,
    old: Old = None,
    new: New = None,
    mode: ModeOption = None,
    as_json: Json = False,
) -> None:
    """两个版本或两个文件的差别 / what came, went and changed between two versions or two files, and what a cast loses.

    Exit codes as of check, for two files; two versions may differ as they like.
    """
    from services.compatibility.changes import changes

    if contract is None:
        first, second = _both(old, new, fix=f"tongche contracts diff sale.confirmed v1 v2 | {_DIFF_FILES}")
        verdict = _of_files(first, second, mode, as_json=as_json)
        told = [asdict(one) for one in changes(_read(first), _read(second))]
        _tell(verdict, told, as_json=as_json)
        raise typer.Exit(_code(verdict))
    versions, numbers = _two_versions(contract, before, after)
    _between(versions, *numbers, mode, as_json=as_json)


def freeze(as_json: Json = False) -> None:
    """冻结与已发布版本兼容的变更 / write the next revision of every version that differs compatibly.

    Exit code 4, 5 or 6, and nothing is written, while anything is incompatible, undecided or has a field that nobody
    described.
    """
    from contracts import published
    from contracts.registry import CONTRACTS
    from services.compatibility import gate

    _as_written()
    folder = Path(published.__file__).parent
    found = list(gate.findings(CONTRACTS.values(), published.read(folder)))
    if any(one.state in _IN_THE_WAY for one in found):
        if as_json:
            news = [_finding(one) for one in found if one.state != "same"]
            answer({"written": [], "contracts": news} | _sums(found))
        else:
            _report(found)
        raise typer.Exit(_worst(found))
    written = gate.freeze(CONTRACTS.values(), folder)
    for name in written:
        talk.print(f"+ contracts/published/{name}", markup=False)
    talk.print(f"已冻结 / frozen: {len(written)}", markup=False)
    if as_json:
        answer({"written": written} | _sums(found))


def _as_written() -> None:
    """Raises `TroubleError` where a published file was edited: nothing can be held against it."""
    from contracts import published

    if names := published.altered(Path(published.__file__).parent):
        told = ", ".join(names)
        zh, en = f"已发布的文件与 SHA256SUMS 不符：{told}", f"published files are not as they were written: {told}"
        raise TroubleError(zh, en, fix=f"git log -p -- contracts/published/{names[0]}")


def _two_versions(contract: str, before: str | None, after: str | None) -> tuple[Versions, tuple[int, int]]:
    versions, newest = version_of(contract)
    numbers = (_number(versions, before, newest - 1), _number(versions, after, newest))
    return versions, numbers


def _number(versions: Versions, said: str | None, otherwise: int) -> int:
    number = otherwise if said is None else int(said.lstrip("v")) if re.fullmatch(r"v?[0-9]{1,4}", said) else 0
    if said is None and not number:
        zh, en = f"{versions.name} 只有一个版本，无可比较", f"{versions.name} has one version only: nothing to compare"
        raise TroubleError(zh, en, fix=f"tongche contracts show {versions.name}")
    if not 1 <= number <= versions.newest:
        known = ", ".join(f"v{one}" for one in range(1, versions.newest + 1))
        zh, en = f"{versions.name} 没有版本“{said}”", f"{versions.name} has no version '{said}'"
        raise TroubleError(zh, en, fix=f"{versions.name}: {known}")
    return number


def _both(old: Path | None, new: Path | None, *, fix: str) -> tuple[Path, Path]:
    if old is None or new is None:
        missing = " ".join(name for name, file in (("--old", old), ("--new", new)) if file is None)
        raise TroubleError(f"还缺 {missing}", f"{missing} is missing: a comparison needs two sides", fix=fix)
    return old, new


def _read(file: Path) -> Any:
    """The document in a file. Raises `OutsideProfile`, whose place is the whole, for one that holds no JSON."""
    from services.compatibility import words
    from services.compatibility.profile import OutsideProfile
    from services.compatibility.values import NotJson, parse

    try:
        return parse(file.read_text(encoding="utf-8-sig"))
    except OSError as wrong:
        raise OutsideProfile(wrong.strerror or type(wrong).__name__, "", words.UNREADABLE) from None
    except UnicodeDecodeError as wrong:
        raise OutsideProfile(f"byte {wrong.start + 1}", "", words.NOT_UTF8) from None
    except NotJson as wrong:
        raise OutsideProfile(str(wrong), "", words.NOT_JSON) from None


def _of_files(old: Path, new: Path, mode: Mode | None, *, as_json: bool) -> Verdict:
    """The verdict on two files. What cannot be judged ends here, by name and place."""
    from services.compatibility.judge import judge

    return judge(_schema(old, as_json=as_json), _schema(new, as_json=as_json), mode or Mode.BACKWARD)


def _schema(file: Path, *, as_json: bool) -> Any:
    from services.compatibility.profile import OutsideProfile
    from services.compatibility.reading import Reading

    try:
        document = _read(file)
        Reading().read(document)
    except OutsideProfile as outside:
        _refuse(file, outside, as_json=as_json)
        raise typer.Exit(FAILED) from None
    return document


def _refuse(file: Path, outside: OutsideProfile, *, as_json: bool) -> None:
    zh, _, en = outside.why.partition(" / ")
    zh_where, en_where = (f" 的 {outside.place}", f" at {outside.place}") if outside.place else ("", "")
    if outside.place:
        fix = f"改正或去掉 {file}{zh_where} / correct or remove {outside.place} of {file}: docs/compatibility.md"
    else:
        fix = f"一个 JSON Schema 2020-12 文件，UTF-8 编码 / a JSON Schema 2020-12 file in UTF-8: {file}"
    for line in (
        f"无法判定：{file}{zh_where}：{outside.what}：{zh}",
        f"cannot be judged: {file}{en_where}: {outside.what}: {en}",
    ):
        talk.print(line, style="red", markup=False, soft_wrap=True)
    talk.print(f"→ {fix}", markup=False, soft_wrap=True)
    if as_json:
        verdict = {"compatible": None, "witness": None, "found": False, "reason": str(outside), "place": outside.place}
        answer(verdict | {"keyword": outside.what, "error": str(outside), "fix": fix})


def sheet(*columns: str) -> Table:
    """A table whose last column alone gives way."""
    table = Table(*columns, box=None)
    for column in table.columns[:-1]:
        column.no_wrap = True
    return table


def _tell(verdict: Verdict, told: list[dict[str, Any]] | None = None, *, as_json: bool) -> None:
    if as_json:
        answer(verdict.as_json() | ({} if told is None else {"changes": told}))
        return
    for change in told or ():
        _show_change(change)
    words, style = _COMPATIBLE[verdict.compatible]
    out.print(Text.assemble((words, style), f"  {verdict.mode.value}"))
    out.print(Text(f"  {verdict.reason}"), soft_wrap=True)
    if verdict.found:
        out.print(Text.assemble("  反例 witness: ", (_json(verdict.witness), "bold")), soft_wrap=True)


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=float)


def _show_change(change: dict[str, Any]) -> None:
    sign, style, words = _CHANGES[change["kind"]]
    out.print(Text.assemble((f"{sign} {change['field'] or '/'}", style), f"  {words}"), soft_wrap=True)
    for label, said in (("  前 before  ", change["before"]), ("  后 after   ", change["after"])):
        if said:
            out.print(Text.assemble((label, "dim"), said), soft_wrap=True)


def _between(versions: Versions, before: int, after: int, mode: Mode | None, *, as_json: bool) -> None:
    """Two versions of a contract: fields, what the casts between them lose, and the verdict on their schemas."""
    from contracts.schemas import schema_of
    from services.compatibility.changes import changes
    from services.compatibility.judge import judge

    old, new = schema_of(versions, before), schema_of(versions, after)
    verdict = judge(old, new, mode or Mode.BACKWARD)
    told = [asdict(one) for one in changes(old, new)]
    low, high = sorted((before, after))
    losses = [
        {"from": f"v{step + 1}", "to": f"v{step}", "zh": loss.zh, "en": loss.en, "fields": list(loss.fields)}
        for step, loss in enumerate(versions.losses[low - 1 : high - 1], start=low)
    ]
    if as_json:
        names = {"old": versions.type_of(before), "new": versions.type_of(after)}
        answer(verdict.as_json() | names | {"changes": told, "losses": losses})
        return
    out.print(Text(f"{versions.type_of(before)} → {versions.type_of(after)}", "bold"))
    for change in told:
        _show_change(change)
    for loss in losses:
        out.print(
            Text(f"降版丢失 a downcast {loss['from']} → {loss['to']} loses: {', '.join(loss['fields'])}", "yellow")
        )
        out.print(Text(f"  {loss['zh']}\n  {loss['en']}"), soft_wrap=True)
    words, style = _COMPATIBLE[verdict.compatible]
    casts = "新版本另有转换函数 / a new version has casts for it" if verdict.compatible is False else ""
    out.print(Text.assemble((words, style), f"  {verdict.mode.value}  {casts}"), soft_wrap=True)


def _report(found: list[Finding], *, whole: bool = False) -> None:
    """What differs, a version on a line, and of what is wrong, why and the counter-example; how many are the same."""
    table = sheet("契约\ncontract", "版本\nversion", "方式\nmode", "结论\nverdict")
    for one in found:
        if whole or one.state != "same":
            words, style = _STATES[one.state]
            table.add_row(one.contract, f"v{one.version}.{len(one.verdicts)}", one.mode.value, Text(words, style))
    if table.rows:
        out.print(table)
    for one in found:
        _explain(one)
    sums = _sums(found)
    out.print(
        f"一致 as published {sums['same']}，待冻结 to be frozen {sums['unfrozen']}，无说明 unexplained "
        f"{sums['undescribed']}，不兼容 incompatible {sums['broken']}，未定 undecided {sums['undecided']}",
        markup=False,
        soft_wrap=True,
    )
    if sums["broken"] or sums["undecided"]:
        out.print("→ 改为新版本 / make it a new version: docs/contracts.md", markup=False)
    elif sums["undescribed"]:
        out.print("→ 在字典中说明这些字段 / describe these fields: contracts/fields.csv", markup=False)
    elif sums["unfrozen"]:
        out.print("→ tongche contracts freeze", markup=False)


def _explain(finding: Finding) -> None:
    which = f"{finding.contract} v{finding.version}"
    if finding.worst is not None:
        revision, verdict = finding.worst
        out.print(Text(f"\n{which}  ↔  contracts/published/{revision.file}", "bold"))
        _tell(verdict, as_json=False)
    elif finding.state == "broken":
        out.print(Text(f"{which}  {_GONE}", "red"), soft_wrap=True)
    if finding.undescribed:
        names = ", ".join(finding.undescribed)
        out.print(Text(f"{which}  字段没有说明 / fields that nobody described: {names}", "red"), soft_wrap=True)


def _finding(finding: Finding) -> dict[str, Any]:
    told = {"contract": finding.contract, "version": finding.version, "mode": finding.mode.value}
    told |= {"state": finding.state, "revisions": len(finding.verdicts), "undescribed": list(finding.undescribed)}
    if finding.worst is not None:
        revision, verdict = finding.worst
        told |= {"against": revision.file} | verdict.as_json()
    elif finding.state == "broken":
        told |= {"compatible": False, "witness": None, "found": False, "reason": _GONE}
    return told


def _sums(found: list[Finding]) -> dict[str, int]:
    return {state: sum(one.state == state for one in found) for state in _STATES}


def _code(verdict: Verdict) -> int:
    return {True: 0, False: INCOMPATIBLE, None: UNDECIDED}[verdict.compatible]


def _worst(found: list[Finding]) -> int:
    states = {one.state for one in found}
    codes = {"broken": INCOMPATIBLE, "undecided": UNDECIDED, "undescribed": UNFROZEN, "unfrozen": UNFROZEN}
    return next((code for state, code in codes.items() if state in states), 0)
