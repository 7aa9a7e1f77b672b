"""`tongche simulator serve`: one simulated agency by itself, to try an adapter or the conformance kit against."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer
from rich.table import Table
from rich.text import Text

from services.cli.terminal import Json, answer, out, talk
from services.stack import credentials, ports, reasons
from services.stack.data import DataFolder
from services.stack.locks import FileLock
from services.stack.plan import settings_of
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from services.runtime.settings import Settings
    from services.simulator.country import Name
    from services.simulator.faults import Faults, Playable

app = typer.Typer(help="模拟机构 / simulated agencies")

_SEEDS: Final = 2**31
_FILES, _CALLBACKS = "files", "callbacks"
_SAID: Final[tuple[Callable[[Name], str], ...]] = (attrgetter("id"), attrgetter("kind"), attrgetter("words"))
"""By what somebody may mean an organisation: its id, what kind it is of, the folder in whose words it speaks."""


@app.callback()
def simulator() -> None:
    """Keep `serve` a verb of its own, though it is the only one."""


@app.command()
def serve(  # noqa: PLR0913, PLR0917 - Typer's options are parameters
    agency: Annotated[str, typer.Argument(metavar="A", help="机构或其类别 / an organisation, or a kind: tax, bank, …")],
    faults: Annotated[
        str, typer.Option("--faults", help="none | monsoon | FILE.json | KNOB=VALUE,… 故障 / what goes wrong")
    ] = "none",
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=_SEEDS, help="同一种子，同样的性情 / the same seed, the same moods"),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="端口，0 为任选 / 0 is any free one")] = 0,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="自己的数据目录，缺省为临时 / a folder of its own; temporary without one"),
    ] = None,
    callbacks: Annotated[
        int | None,
        typer.Option(
            "--callbacks", min=1, max=65535, help="回调送往本机的端口，默认任选 / the port here to call back; any"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """单独运行一个模拟机构，直到 Ctrl-C / serve one simulated agency, with no broker and no stack, until Ctrl-C."""
    name = named(agency)
    drawn = random.randrange(_SEEDS) if seed is None else seed  # noqa: S311 - it is printed, to be repeated
    turned = wished(faults, drawn, _playable(name))
    with _folder(data) as folder:
        served = _Served(name, folder, _settings(folder, port, callbacks), faults, drawn)
        if served.run(turned, as_json=as_json):
            raise typer.Exit(1)


@dataclass(frozen=True)
class _Served:
    name: Name
    folder: DataFolder
    settings: Settings
    faults: str
    seed: int

    def run(self, turned: Faults, *, as_json: bool) -> bool:
        """Serve until told to stop. True if it crashed."""
        import uvloop

        from observability import logs
        from services.simulator.alone import Turned, alone
        from services.simulator.faults import Faults

        logs.configure("simulator", "console", sys.stderr)
        chance = random.Random(self.seed).random  # noqa: S311 - a repeatable run
        knobs = {self.name.id: None if turned == Faults() else turned}
        ready = partial(self._announce, as_json=as_json)
        return uvloop.run(alone(self.settings, Turned(self.name.id, knobs), chance, ready))

    def _announce(self, port: int, *, as_json: bool) -> None:
        secrets, url = self.settings.secret(), f"http://{self.settings.bind}:{port}"
        table = Table.grid(padding=(0, 2))
        for title, value in (
            ("机构 / organisation", f"{self.name.zh} / {self.name.en}"),
            ("地址 / address", f"{url}/{self.name.id}"),
            ("文件 / files", self.settings.simulator_sftp_url),
            ("回调送往 / calls back", self.settings.dispatch_url),
            ("页面 / page", url),
            ("登录 / login", f"{secrets.operator_user} / {secrets.operator_password}"),
            ("故障 / faults", f"{self.faults} (--seed {self.seed})"),
            ("数据 / data", str(self.folder.root)),
            ("停止 / stop", "Ctrl-C"),
        ):
            table.add_row(title, Text(value, style="bold", overflow="fold"))
        shown, command = talk if as_json else out, self._judged(url)
        shown.print(table)
        shown.print(f"\n在另一终端检测 / to have it judged, in another shell:\n{command}", markup=False, soft_wrap=True)
        if as_json:
            answer(
                {"conformance": command}
                | self._told(url, secrets.operator_token, secrets.operator_user, secrets.operator_password)
            )

    def _judged(self, url: str) -> str:
        from services.cli import conformance

        where = conformance.Simulated(
            url, self.folder.root, self.settings.simulator_sftp_url, urlsplit(self.settings.dispatch_url).port or 0
        )
        return conformance.typed_against(where, self.name.words, self.name.id)

    def _told(self, url: str, token: str, user: str, password: str) -> dict[str, Any]:
        return {
            "url": url,
            "organisation": self.name.id,
            "address": f"{url}/{self.name.id}",
            "files": self.settings.simulator_sftp_url,
            "callbacks": self.settings.dispatch_url,
            "page": url,
            "login": {"user": user, "password": password},
            "token": token,
            "seed": self.seed,
            "data": str(self.folder.root),
        }


def named(agency: str) -> Name:
    """The organisation that is meant; of a kind with several the first."""
    from services.simulator.country import names

    listed = list(names())
    found = next(filter(None, ([one for one in listed if agency == said(one)] for said in _SAID)), [])
    if not found:
        raise TroubleError(
            f"没有这个机构：{agency}",
            f"there is no such organisation: {agency}",
            fix=" | ".join(dict.fromkeys([name.kind for name in listed] + [name.id for name in listed])),
        )
    return found[0]


def _playable(name: Name) -> Playable:
    from services.runtime.clock import Clock
    from services.simulator.country import names
    from services.simulator.world import playable, settled

    return playable(settled(Clock(), list(names())), name.id)


def wished(wish: str, seed: int, there: Playable) -> Faults:
    """The knobs that `--faults` means; its scripts name what is there. Raises `TroubleError`."""
    from pydantic import ValidationError

    from services.simulator.faults import Faults

    try:
        match wish:
            case "none":
                return Faults()
            case "monsoon":
                return Faults.model_validate({"monsoon": {"seed": seed}})
            case _ if wish.endswith(".json"):
                return Faults.model_validate(_read(Path(wish)), context=there)
            case _:
                return Faults.model_validate_strings(dict(_pairs(wish)))
    except ValidationError as wrong:
        raise _unknown(*reasons.of_values(wrong, at=wish)) from wrong


def _pairs(wish: str) -> Iterator[tuple[str, str]]:
    known: set[str] = set()
    for part in wish.split(","):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals or name in known:
            raise _unknown(*((f"{name} 两次", f"{name} twice") if equals else (part, part)))
        known.add(name)
        yield name, value


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as wrong:
        why = reasons.of_machine(wrong)
        raise _unknown(f"{path}：{why.zh}", f"{path}: {why.en}") from wrong
    except ValueError as wrong:
        raise _unknown(f"{path}：不是 JSON", f"{path}: is no JSON") from wrong


def _unknown(zh: str, en: str) -> TroubleError:
    return TroubleError(
        f"看不懂故障：{zh}",
        f"no such faults: {en}",
        fix="--faults none | monsoon | FILE.json | down=503,retry_after_s=3 | hang=0.1,tail_ms=2000,tail_rate=0.3",
    )


def _settings(folder: DataFolder, port: int, callbacks: int | None) -> Settings:
    settings = settings_of(folder)
    chosen = ports.choose((_FILES, _CALLBACKS), {_CALLBACKS: callbacks or 0}, settings.bind)
    files = chosen[_FILES]
    if port and not ports.is_free(port, settings.bind):
        raise TroubleError(f"端口 {port} 已被占用", f"port {port} is taken", fix="--port 0")
    told: dict[str, Any] = {
        "secrets": folder.secrets,
        "simulator_port": port,
        "simulator_sftp_port": files,
        "simulator_sftp_url": f"sftp://{settings.bind}:{files}",
        # Whoever listens there may be there already.
        "dispatch_url": f"http://{ports.HERE}:{callbacks or chosen[_CALLBACKS]}",
    }
    return settings.model_copy(update=told)


@contextmanager
def _folder(data: Path | None) -> Iterator[DataFolder]:
    """A folder with an installation's secrets, which nobody else uses meanwhile."""
    if data is None:
        with TemporaryDirectory(prefix="tongche-simulator-") as temporary, _own(Path(temporary)) as folder:
            yield folder
    else:
        with _own(data.expanduser().resolve()) as folder:
            yield folder


@contextmanager
def _own(root: Path) -> Iterator[DataFolder]:
    folder = DataFolder(root)
    folder.create()
    if folder.stack.exists():
        # Its ledger must hold nothing that nobody commanded.
        raise TroubleError(
            f"{root} 是一个实例的数据目录",
            f"{root} belongs to an installation",
            fix="另选目录 / name another folder: --data DIR",
        )
    lock = FileLock(root / "simulator.lock")
    if not lock.take():
        raise TroubleError(f"{root} 正在使用", f"{root} is in use", fix="另选目录 / name another folder: --data DIR")
    try:
        credentials.ensure(folder)
        yield folder
    finally:
        lock.release()
