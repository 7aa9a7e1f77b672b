"""Why most of a run failed, where it is one reason: told once and first, before a hundred cases repeat it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from .run import Result, Run
from .words import Words

_MOST: Final = 0.5
_FEWEST: Final = 3
"""Of fewer cases nobody can say what is common to them."""
_STEP: Final = re.compile(r"\A[a-z]+\.[a-z_.]+: ")

_LIKELY: Final = (
    (
        r"HTTP 40[13]\b",
        Words(
            "对方不认我方：核对对方登记的我方证书、令牌，以及 --data 是否为登记时的数据目录",
            "it does not know us: check the certificate or token of ours that it registered, and that --data is the "
            "folder from which they are",
        ),
    ),
    (
        r"HTTP 404, broken-answer|HTTP 405",
        Words(
            "地址不对：--url 应是机构编号之前的地址，命令发往 {url}/{organisation}{path}",
            "the address is another's: --url is what stands before the organisation's id, commands go to "
            "{url}/{organisation}{path}",
        ),
    ),
    (
        r"\bno connection\b|\bconnection broke\b",
        Words("连接不上或中断：核对地址、证书与代理", "it is not reached: check address, certificate and proxy"),
    ),
    (
        r"\bno call-back\b|\Anone\Z|\bnot-yet taken in\b",
        Words(
            "没有回调到达：核对对方回调的地址与 --door-port、--door-bind",
            "nothing is called back: check where it is told to call, with --door-port and --door-bind",
        ),
    ),
    (
        r"\bno answer in\b",
        Words("时限内没有答复：核对对方是否在处理", "it does not answer in time: check that it is at work"),
    ),
    (
        r"\bnot-yet [A-Z]|\brefused [A-Z]412",
        Words(
            "对方不知道这些车：先装入 conformance testbed 的资料，再以相同的 --round 与 --day 检测",
            "it does not know these cars: load what conformance testbed writes, and run with the same --round and "
            "--day",
        ),
    ),
    (
        r"HTTP 429|\bunavailable\b",
        Words("对方停机或限流：等其恢复或放宽限速", "it is down or throttles: wait, or have its limits raised"),
    ),
    (
        r"HTTP 5[0-9][0-9]",
        Words("对方系统出错：查其日志", "it fails itself: look into its log"),
    ),
    (
        r"\bnot-an-object\b",
        Words(
            "答复不是约定格式的报文：多半是网关或门户的页面",
            "its answers are no messages of the agreed style: a gateway's page, as likely as not",
        ),
    ),
)


def cause(run: Run) -> Words | None:
    """What most of the cases that were played failed for, and what to do; None where they had no one reason."""
    wrong = [_reason(one) for one in run.results if one.state in {"failed", "blocked"}]
    played = len(run.results) - run.skipped
    if len(wrong) < _FEWEST:
        return None
    reason, often = Counter(wrong).most_common(1)[0]
    if often < played * _MOST:
        return None
    likely = next((words for pattern, words in _LIKELY if re.search(pattern, reason)), Words("", ""))
    zh = f"{played} 项中有 {often} 项原因相同（{reason}）。{likely.zh}"
    return Words(zh, f"{often} of {played} cases failed for one reason ({reason}). {likely.en}".rstrip())


def _reason(one: Result) -> str:
    """What came, at whichever step."""
    return _STEP.sub("", one.came)
