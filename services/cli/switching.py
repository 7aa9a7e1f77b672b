"""What must hold before an organisation answers elsewhere: nothing of it is under way, and its proofs are right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from services.cli.asking import Dispatch
from services.cli.standing import lines
from services.cli.terminal import out
from services.stack import partners
from services.stack.plan import settings_of
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from services.stack.data import DataFolder

_MOST: Final = 500


def demand_rest(organisation: str, home: DataFolder, data: Path | None, *, vouched: bool) -> int:
    """Refuse while anything may have been told to one party that the other would be told again.

    A person must hold the organisation first: what was due before that, and has no outcome, is shown with what to do;
    what came after was told to nobody. Gives back how many a person vouched for, who asked: none of them was done.
    Raises `TroubleError`.
    """
    if not _has_worked(home):
        return 0
    form = {"organisation": organisation, "most": _MOST}
    page = Dispatch(data).ask("POST", "/v1/deliveries/search", form)
    held = next((one for one in page["held"] if one["id"] == organisation and one["paused_by"]), None)
    if held is None:
        raise TroubleError(
            "须先暂缓该机构，切换期间不得有投递",
            "hold it first: nothing may be told to either of them meanwhile",
            fix=f"tongche delivery pause {organisation} --reason …",
        )
    left = [one for one in page["deliveries"] if one["state"] != "held" or one["since"] < held["since"]]
    if left and not vouched:
        _show(left, organisation)
        raise TroubleError(
            f"{len(left)} 件投递尚无结果，换了对方会重办",
            f"{len(left)} deliveries were due before it was held and have no outcome: the other would do them again",
            fix=f"tongche delivery list --organisation {organisation}",
        )
    return len(left)


def _has_worked(home: DataFolder) -> bool:
    """Whether there is anything that dispatch may have told anybody."""
    settings = settings_of(home)
    return settings.database is not None or (settings.data / "db" / "dispatch.db").exists()


def _show(left: list[dict[str, Any]], organisation: str) -> None:
    for line in lines(left):
        out.print(line, markup=False, soft_wrap=True)
    for zh, en, verb in (
        ("看清一件", "look at one", f"delivery show {left[0]['id']}"),
        (
            "让其照原处办完，再暂缓",
            "let them end where they began, then hold it again",
            f"delivery resume {organisation}",
        ),
        ("问过对方：已办，代录答复", "they were asked: it was done", "delivery answer ID --file answer.json"),
        ("问过对方：未办，放弃一件", "they were asked: it was not done", "delivery cancel ID"),
        (
            "问过对方：均未办，放弃多件",
            "none was done, give them up",
            f"repair plan cancel --organisation {organisation}",
        ),
        (
            "问过对方：均未办，改由新处办理",
            "none was done, the other is to do them",
            "partner live … --not-carried-out",
        ),
    ):
        reason = "" if verb.startswith("delivery show") else " --reason …"
        out.print(f"→ {zh} / {en}: tongche {verb}{reason}", markup=False, soft_wrap=True)


def demand_its_own(organisation: str, home: DataFolder) -> None:
    """Refuse who is known by a key pair that was made here: whoever has this folder could speak in its name.

    Raises `TroubleError`.
    """
    if partners.whose(home, organisation) != {partners.THEIRS}:
        raise TroubleError(
            "须登记机构自己的证书，并作废此处生成的",
            "it must be known by a certificate (or host key) of its own, and no longer by the one that was made here",
            fix=f"tongche partner keys {organisation} --rotate --certificate PEM | --host-key PUB; then --retire",
        )


def demand_made_here(organisation: str, home: DataFolder) -> None:
    """Refuse where nothing that a simulator seals would be believed. Raises `TroubleError`."""
    if partners.OURS not in partners.whose(home, organisation):
        raise TroubleError(
            "模拟机构的签名不会被接受，须先为其生成密钥",
            "what a simulator seals would not be believed: it needs a key pair that is made here",
            fix=f"tongche partner keys {organisation} --rotate",
        )
