"""`up`, `down`, `status`, `doctor`, `reset`: the installation as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from services.cli import terminal
from services.cli.progress import fetching, waiting
from services.cli.terminal import NOT_RUNNING, Data, Json, answer, out, talk
from services.runtime.settings import Secrets
from services.stack import doctor as diagnosis
from services.stack import lifecycle, readiness, state
from services.stack.data import DataFolder
from services.stack.plan import Plan, services, settings_of
from services.stack.state import Stack
from services.stack.trouble import TroubleError

app = typer.Typer()

_SHOWN = ("door", "console", "kafka")
_NAMED = {"unfinished": "已办结，仍须处理 / closed, but somebody must act (manual)"}


@app.command()
def up(
    data: Data = None,
    as_json: Json = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="留在前台 / stay; Ctrl-C stops")] = False,
    simulator: Annotated[bool, typer.Option("--simulator/--no-simulator", help="模拟机构 / simulated agencies")] = True,
) -> None:
    """启动全部，就绪后返回 / start everything, and return when it is ready. Safe to repeat."""
    folder = terminal.folder(data)
    embedded = "kafka" not in settings_of(folder).model_fields_set
    lifecycle.prepare(folder, fetching, kafka=embedded)

    def ready(stack: Stack) -> None:
        _announce(folder, stack, as_json=as_json, foreground=foreground)

    if foreground:
        lifecycle.up_here(Plan(folder, services(simulator=simulator)), lifecycle.DEADLINE, _plainly, ready)
        return
    arguments = lifecycle.Launch.arguments + (() if simulator else ("--no-simulator",))
    with waiting() as progress:
        stack = lifecycle.up(folder, lifecycle.Launch(arguments), progress)
    ready(stack)


@app.command()
def down(data: Data = None, as_json: Json = False) -> None:
    """停止全部 / stop everything, in order."""
    folder = terminal.folder(data)
    stopped = lifecycle.down(folder)
    talk.print("已停止 / stopped" if stopped else "没有在运行 / nothing was running")
    if as_json:
        answer({"stopped": stopped, "data": str(folder.root)})


@app.command()
def status(data: Data = None, as_json: Json = False) -> None:
    """车辆业务、投递与进程 / cases, deliveries and processes."""
    folder = terminal.folder(data)
    stack = state.load(folder)
    if stack is None or not stack.runs():
        talk.print(f"没有在运行 / not running: {folder.root}\n→ tongche up", markup=False, soft_wrap=True)
        if as_json:
            answer({"running": False, "data": str(folder.root)})
        raise typer.Exit(NOT_RUNNING)
    report = _report(folder, stack)
    if as_json:
        answer(report)
    else:
        _tables(report)


@app.command()
def doctor(data: Data = None, as_json: Json = False) -> None:
    """检查这台机器 / check this machine: what was found, what is required, and the exact fix."""
    findings = [_seen(finding) for finding in diagnosis.examine(terminal.folder(data))]
    if not as_json:
        out.print(_findings(findings))
    healthy = all(finding["ok"] for finding in findings)
    if as_json:
        answer({"healthy": healthy, "checks": findings})
    raise typer.Exit(0 if healthy else terminal.FAILED)


@app.command()
def reset(
    data: Data = None,
    as_json: Json = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="不再询问 / do not ask")] = False,
) -> None:
    """停止并删除数据目录 / stop, and remove the data folder with all cases, messages and secrets."""
    folder = terminal.folder(data)
    existed = folder.root.exists()
    if existed:
        if not folder.is_ours():
            # Says so, and removes nothing.
            folder.remove()
        if not yes and not _agreed(f"删除 / remove {folder.root}?"):
            raise TroubleError("未删除", "nothing was removed", fix="tongche reset --yes")
        lifecycle.down(folder)
        folder.remove()
    talk.print(f"已删除 / removed: {folder.root}" if existed else f"不存在 / does not exist: {folder.root}")
    if as_json:
        answer({"removed": existed, "data": str(folder.root)})


def _agreed(question: str) -> bool:
    """Whether a person says yes; where nobody is there to ask, no."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        return False


def _plainly(parts: list[str]) -> None:
    talk.print(f"等待 / waiting for: {', '.join(parts)}", markup=False)


def _secrets(folder: DataFolder) -> Secrets:
    return settings_of(folder).secret()


def _announce(folder: DataFolder, stack: Stack, *, as_json: bool, foreground: bool) -> None:
    secrets = _secrets(folder)
    urls = {name: stack.urls[name] for name in _SHOWN if name in stack.urls}
    stop = "Ctrl-C" if foreground else f"tongche down --data {stack.data}"
    table = Table.grid(padding=(0, 2))
    for title, value in (
        ("收件口 / door", urls.get("door", "-")),
        ("控制台 / console", urls.get("console", "-")),
        ("模拟机构 / simulated agencies", stack.urls.get("simulator", "-")),
        ("Kafka", urls["kafka"]),
        ("登录 / login", f"{secrets.operator_user} / {secrets.operator_password}"),
        ("发布令牌 / publishers' tokens", f"{folder.secrets} (publisher_tokens)"),
        ("数据 / data", stack.data),
        ("日志 / logs", stack.logs),
        ("停止 / stop", stop),
    ):
        table.add_row(title, Text(value, style="bold", overflow="fold"))
    (talk if as_json else out).print(table)
    if as_json:
        login = {"user": secrets.operator_user, "password": secrets.operator_password}
        answer({"urls": urls, "data": stack.data, "logs": stack.logs, "login": login})


def _report(folder: DataFolder, stack: Stack) -> dict[str, Any]:
    try:
        counts = readiness.get_json(f"{stack.urls['console']}/api/status", _secrets(folder).operator_token)
    except OSError as problem:
        raise TroubleError(
            "控制台没有回答",
            f"the console does not answer: {problem}",
            fix=f"日志 / log: {folder.log('console')}; tongche up",
        ) from problem
    unready = readiness.unready(stack)
    return {
        "running": True,
        "cases": counts["cases"],
        "deliveries": counts["deliveries"],
        "contradicted": [_contradicted(each) for each in counts["organisations"] if each["contradicted"]],
        "refused": [
            {"id": each["id"], "refused": each["refused"]} for each in counts["organisations"] if each["refused"]
        ],
        "subscribers": _subscribers(folder, stack),
        "certificates": certificates(folder),
        "urls": stack.urls,
        "processes": {
            name: {"pid": child.pid, "port": child.port, "restarts": child.restarts, "ready": name not in unready}
            for name, child in stack.children.items()
        },
        "data": stack.data,
    }


def _contradicted(organisation: dict[str, Any]) -> dict[str, Any]:
    return {name: organisation[name] for name in ("id", "contradicted", "contradictions")}


def _subscribers(folder: DataFolder, stack: Stack) -> dict[str, Any] | None:
    """How many grants and webhooks stand how, and what is wrong with their file; None where nobody answers that."""
    token = _secrets(folder).operator_token
    try:
        told, posted = (
            readiness.get_json(f"{stack.urls['projection']}/v1/{what}", token) for what in ("grants", "webhooks")
        )
    except (KeyError, OSError):
        return None  # its process is shown as not ready, or this stack has none
    return subscriptions(told) | {"webhooks": webhooks(posted), "lost": lost(posted)}


def certificates(folder: DataFolder) -> list[dict[str, str]]:
    """Those that end soon or have ended, ours and organisations', with what ends that."""
    from services.runtime.clock import Clock
    from services.stack import partners

    soon = partners.ending(folder, Clock().now())
    return [{"whose": one.whose, "until": one.until.isoformat(), "fix": one.fix} for one in soon]


def subscriptions(told: dict[str, Any]) -> dict[str, Any]:
    """What the projection tells of grants, in numbers."""
    grants = Counter(one["state"] for one in told["grants"])
    spent = sum(one["spent"] for one in told["grants"])
    return {"grants": dict(sorted(grants.items())), "spent": spent, "problem": told["problem"]}


def webhooks(told: dict[str, Any]) -> dict[str, int]:
    """How many of those to whom we post stand how."""
    return dict(sorted(Counter(one["state"] for one in told["webhooks"]).items()))


def lost(told: dict[str, Any]) -> int:
    """How many messages were dropped before they could be posted, of which nobody has acknowledged it."""
    return sum(one["lost"]["number"] for one in told["webhooks"] if one["lost"])


def _grants(told: dict[str, Any] | None) -> None:
    if told is None:
        out.print("授权 / grants: ？")
        return
    counts = ", ".join(f"{state} {number}" for state, number in told["grants"].items()) or "0"
    spent = f"; 编号已用 / spent {told['spent']} → tongche grant list" if told["spent"] else ""
    out.print(f"授权 / grants: {counts}{spent}", markup=False)
    if told["webhooks"]:
        posted = ", ".join(f"{state} {number}" for state, number in told["webhooks"].items())
        troubled = {"failing", "paused", "forbidden"} & told["webhooks"].keys()
        out.print(f"推送 / webhooks: {posted}" + (" → tongche webhook list" if troubled else ""), markup=False)
    if told["lost"]:
        words = f"遗失未推送 / lost before they could be posted: {told['lost']} → tongche webhook list"
        out.print(words, markup=False, soft_wrap=True, style="red")
    if told["problem"]:
        words = f"订阅方文件无效 / subscribers.toml is not in force: {told['problem']}"
        out.print(words, markup=False, soft_wrap=True, style="red")


def _tables(report: dict[str, Any]) -> None:
    counts = Table("业务 / cases", "", "投递 / deliveries", "", box=None)
    for case, delivery in zip_longest(_rows(report["cases"]), _rows(report["deliveries"]), fillvalue=("", "")):
        counts.add_row(*case, *delivery)
    processes = Table("进程 / process", "pid", "端口 / port", "重启 / restarts", "就绪 / ready", box=None)
    for name, process in report["processes"].items():
        ready = "[green]✓[/]" if process["ready"] else "[red]✗[/]"
        processes.add_row(name, *(str(process[key]) for key in ("pid", "port", "restarts")), ready)
    out.print(counts)
    _called_back(report["contradicted"], report["refused"])
    out.print(processes)
    _grants(report["subscribers"])
    for one in report["certificates"]:
        words = f"证书到期 / a certificate ends: {one['whose']} {one['until'][:10]} → {one['fix']}"
        out.print(words, markup=False, soft_wrap=True, style="red")
    for name, url in report["urls"].items():
        out.print(f"{name}: {url}", markup=False)


def _called_back(contradicted: list[dict[str, Any]], refused: list[dict[str, Any]]) -> None:
    # The words of organisations take their time to load, and mostly there is nothing to tell.
    if contradicted or refused:
        from services.cli.standing import contradictions, refusals

        for line in (*contradictions(contradicted), *refusals(refused)):
            out.print(line, markup=False, soft_wrap=True, style="red")


def _rows(counts: dict[str, int]) -> Iterator[tuple[str, str]]:
    return ((_NAMED.get(name, name), str(count)) for name, count in counts.items())


def _seen(finding: diagnosis.Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "ok": finding.ok,
        "found": finding.found,
        "required": finding.required,
        "fix": None if finding.ok else terminal.typed(finding.fix),
    }


def _findings(findings: list[dict[str, Any]]) -> Table:
    table = Table("", box=None)
    for title in ("检查 / check", "现状 / found", "要求 / required", "办法 / fix"):
        # Folded, never cut: a path or a command must be there whole.
        table.add_column(title, overflow="fold")
    for finding in findings:
        mark = "[green]✓[/]" if finding["ok"] else "[red]✗[/]"
        table.add_row(mark, finding["check"], finding["found"], finding["required"], finding["fix"] or "")
    return table
