"""How things are put for the reader of a page: the words around the data, times in China, durations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from contracts.types import CHINA
from services.console.words import Words
from services.runtime.browsing import Tongue

_TEXTS: Final = {
    "agencies": Words("按机构的经过", "By agency"),
    "asked": Words("提出", "asked"),
    "all_well": Words("没有等待人工处理的业务。", "No case needs a person."),
    "attempts": Words("次尝试", "attempts"),
    "back": Words("返回首页", "Back to the start"),
    "braked": Words("尝试过多，请一分钟后再试。", "Too many attempts. Please try again in a minute."),
    "case": Words("业务", "Case"),
    "cases": Words("业务", "Cases"),
    "changed": Words("更新", "Changed"),
    "clear_up": Words(
        "请向机构核实何者为真。若首次不实，在业务上处理（恢复、撤销或另行担保）；核实之后记录在案，不再提示。",
        "Ask them which is true. If it is not the first, act on the case (resume, cancel, or secure it otherwise). "
        "Once you know, note it, and it is shown no more.",
    ),
    "closed_after": Words("历时", "took"),
    "console": Words("控制台", "Console"),
    "contradicted": Words("自相矛盾", "contradicted itself"),
    "contradictions": Words("机构回送的答复自相矛盾", "Organisations that contradicted themselves"),
    "down_since": Words("机构停用或暂缓自", "down or paused since"),
    "dead": Words("停止", "dead"),
    "deadline": Words("期限", "deadline"),
    "do": Words("处理办法", "To resolve"),
    "error_403": Words("此表单已失效，请返回重试。", "This form has expired. Please go back and try again."),
    "error_404": Words("没有这个页面或业务。", "There is no such page or case."),
    "error_other": Words("请求无法处理。", "The request could not be answered."),
    "facets": Words("各环节", "Facets"),
    "failed": Words("用户名或密码不对。", "The user name or the password is wrong."),
    "held": Words("暂缓", "held"),
    "history": Words("办理经过", "History"),
    "in_flight": Words("在途", "in flight"),
    "language": Words("English", "中文"),
    "longest": Words("未办结最久", "Open longest"),
    "live": Words("实时", "live"),
    "log_in": Words("登录", "Log in"),
    "log_out": Words("退出", "Log out"),
    "manual": Words("需要人处理", "Needs a person"),
    "median": Words("中位", "Median"),
    "more": Words("查看全部", "Show all"),
    "next_probe": Words("下次试探", "next probe"),
    "next_call_probes": Words("下一次调用即试探", "the next call probes"),
    "next_try": Words("下次尝试", "next try"),
    "no_deliveries": Words("尚未联系任何机构。", "No agency has been asked yet."),
    "no_spans": Words("尚无跨度。", "No spans yet."),
    "nobody": Words("无人", "nobody"),
    "none_found": Words(
        "没有找到。请核对车架号、业务号或订单号。", "Nothing found. Check the VIN, case id or order number."
    ),
    "none_yet": Words("还没有业务。", "No cases yet."),
    "open_since": Words("始于", "since"),
    "opened": Words("受理", "Opened"),
    "order_no": Words("订单号", "Order"),
    "organisations": Words("机构", "Organisations"),
    "owner": Words("负责", "Owner"),
    "p95": Words("95 % 不超过", "95 % within"),
    "pack": Words("政策包", "policy pack"),
    "parked": Words("待重试", "parked"),
    "password": Words("密码", "Password"),
    "recent": Words("最近的业务", "Recent cases"),
    "refused": Words("回送被拒", "call-backs refused:"),
    "unread": Words("回送读不懂", "call-backs nobody can read:"),
    "last_time": Words("末次", "last at"),
    "results": Words("查询结果", "Results"),
    "search": Words("查询", "Search"),
    "search_hint": Words("车架号、业务号或订单号", "VIN, case id or order number"),
    "searched": Words("所查内容", "You searched for"),
    "skip": Words("跳到正文", "Skip to the content"),
    "slowest": Words("最慢", "Slowest"),
    "stale": Words("投递服务没有答复，以下为最后所知。", "Dispatch does not answer; this is what was last known."),
    "state": Words("状态", "State"),
    "times": Words("新车上牌用时", "Time to close, new cars"),
    "trace": Words("链路", "Trace"),
    "until": Words("至", "until"),
    "user": Words("用户名", "User name"),
    "waits": Words("等待中", "Waiting"),
    "within_30_min": Words("30 分钟内", "Within 30 minutes"),
    "within_3_days": Words("3 天内", "Within 3 days"),
    "where_login": Words("用户名和密码在 tongche up 的输出中。", "tongche up prints the user name and the password."),
    "first_holds": Words("首次答复，以此为准", "the first answer, which holds"),
    "last_other": Words("末次", "the last"),
    "whole_list": Words("其余见", "The others:"),
    "group_open": Words("办理中", "In progress"),
    "group_hold": Words("等待", "On hold"),
    "group_manual": Words("待人工", "Needs a person"),
    "group_unfinished": Words("已办结，仍须处理", "Closed, but somebody must act"),
    "group_closed": Words("已办结", "Closed"),
    "group_cancelled": Words("已撤销", "Cancelled"),
    "group_refused": Words("未受理", "Refused"),
}


@dataclass(frozen=True, slots=True)
class Interface:
    """The reader's language and moment. Called with a name it gives that text."""

    tongue: Tongue
    now: datetime

    def __call__(self, name: str) -> str:
        return self.say(_TEXTS[name])

    def say(self, words: Words) -> str:
        """Return the words in the reader's language."""
        return words.en if self.tongue == "en" else words.zh

    def other(self, words: Words) -> str:
        """Return the words in the other language, for a title."""
        return words.zh if self.tongue == "en" else words.en

    def of(self, words: dict[str, str]) -> str:
        """As `say`, for words that have been JSON already."""
        return words[self.tongue]

    def others(self, number: int) -> str:
        """How many answers came later and say something else."""
        if self.tongue == "en":
            return "1 later answer says otherwise" if number == 1 else f"{number} later answers say otherwise"
        return f"其后 {number} 次不同"

    def clock(self, instant: str) -> str:
        """The time of day in China, to the second; with the day where it is another one."""
        moment = _china(instant)
        same_day = moment.date() == self.now.astimezone(CHINA).date()
        return f"{moment:%H:%M:%S}" if same_day else f"{moment:%m-%d %H:%M:%S}"

    def deadline(self, instant: str) -> str:
        """As `clock`; midnight is the end of the day before, whose last minute still counts."""
        moment = _china(instant)
        if moment.time() != time():
            return self.clock(instant)
        return f"{moment - timedelta(days=1):%m-%d} 24:00"

    def precise(self, instant: str) -> str:
        """The time of day in China, to the millisecond."""
        moment = _china(instant)
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"

    def away(self, instant: str) -> str:
        """How far off a moment is."""
        left = _china(instant) - self.now
        length = self.length(abs(left) / timedelta(milliseconds=1))
        if left < timedelta():
            return f"{length} ago" if self.tongue == "en" else f"{length}前"
        return f"in {length}" if self.tongue == "en" else f"{length}后"

    def is_past(self, instant: str) -> bool:
        """Whether a moment is over."""
        return _china(instant) <= self.now

    def days(self, left: int) -> str:
        """How many days are left, or since when it is too late."""
        if left > 0:
            return f"{left} {'day' if left == 1 else 'days'} left" if self.tongue == "en" else f"还有 {left} 天"
        return f"{1 - left} {'day' if left == 0 else 'days'} late" if self.tongue == "en" else f"已逾 {1 - left} 天"

    def between(self, start: str, end: str | None) -> str:
        """How long something took, or has been going on."""
        last = _china(end) if end else self.now
        return self.length((last - _china(start)) / timedelta(milliseconds=1))

    def length(self, milliseconds: float) -> str:
        """A duration with two digits that matter."""
        for limit, size, zh, en in _UNITS:
            if milliseconds < limit:
                number = milliseconds / size
                text = f"{number:.1f}" if number < 10 else f"{number:.0f}"  # noqa: PLR2004 - two digits
                return f"{text.removesuffix('.0')} {en if self.tongue == 'en' else zh}"
        return f"{milliseconds / _DAY:.0f} {'d' if self.tongue == 'en' else '天'}"


_DAY: Final = 86_400_000
_UNITS: Final = (
    (1_000, 1, "毫秒", "ms"),
    (60_000, 1_000, "秒", "s"),
    (3_600_000, 60_000, "分", "min"),
    (_DAY, 3_600_000, "小时", "h"),
)


def _china(instant: str) -> datetime:
    moment = datetime.fromisoformat(instant)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(CHINA)
