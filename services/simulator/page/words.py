"""What the page says, in Chinese and English."""

from __future__ import annotations

from typing import Final, NamedTuple


class Words(NamedTuple):
    """The same thing said twice."""

    zh: str
    en: str


class Knob(NamedTuple):
    """A knob's name and what it does."""

    name: Words
    does: Words


TEXTS: Final = {
    "add": Words("添加", "Add"),
    "again_later": Words("尝试过多，请一分钟后再试。", "Too many attempts. Please try again in a minute."),
    "alter_fen": Words("金额改动（分）", "Amount altered by (fen)"),
    "any": Words("任意", "any"),
    "apply": Words("应用", "Apply"),
    "at": Words("时间", "Time"),
    "break_it": Words("弄坏它", "Break it"),
    "calm": Words("平静", "calm"),
    "car": Words("车架号", "VIN"),
    "code": Words("代码", "Code"),
    "does": Words("则", "Then"),
    "echo": Words("原样复述请求", "Repeats the request"),
    "effects": Words("已办成", "Effects"),
    "failed": Words("用户名或密码不对。", "The user name or the password is wrong."),
    "fixture": Words("录制的答复", "Recorded answer"),
    "heal": Words("全部恢复", "Heal"),
    "hint": Words("各旋钮立即生效，重启后仍在。", "Knobs hold at once, and outlive a restart."),
    "home": Words("全部机构", "All organisations"),
    "key": Words("幂等键", "Key"),
    "knobs": Words("旋钮", "Knobs"),
    "language": Words("English", "中文"),
    "log_in": Words("登录", "Log in"),
    "log_out": Words("退出", "Log out"),
    "loose": Words("放任", "Let loose"),
    "monsoon": Words("季风：时好时坏的性情", "Monsoon: moods that come and go"),
    "monsoon_hint": Words("同一种子，同样的性情，同样的先后。", "The same seed, the same moods in the same order."),
    "moods": Words("一按即坏", "One press"),
    "next": Words("接下来", "Next"),
    "no_script": Words("没有脚本。", "No scripts."),
    "none": Words("无", "none"),
    "nothing": Words("还没有。", "Nothing yet."),
    "operation": Words("业务", "Operation"),
    "password": Words("密码", "Password"),
    "refusals": Words("已拒绝", "Refusals"),
    "remove": Words("移除", "Remove"),
    "requests": Words("请求", "Requests"),
    "result": Words("结果", "Result"),
    "script": Words("脚本：指定车辆与业务的答复", "Scripts: what one car's operation is answered"),
    "seed": Words("种子", "Seed"),
    "silent": Words("办成而不答复", "Does it, and keeps silent"),
    "simulator": Words("模拟机构", "Simulated agencies"),
    "skip": Words("跳到正文", "Skip to the content"),
    "stop": Words("停止", "Stop"),
    "times": Words("次数", "Times"),
    "unanswered": Words("未答复", "no answer"),
    "user": Words("用户名", "User name"),
    "where_login": Words(
        "用户名和密码在启动命令的输出中。", "The command that started this printed the user name and the password."
    ),
    "words": Words("答词", "Words"),
    "wrong": Words("有旋钮填得不对，未作改动。", "A knob has no such position. Nothing was turned."),
    "wrong_script": Words("脚本填得不对，未添加。", "There can be no such script. Nothing was added."),
    "wrong_value": Words("填得不对", "not a possible value"),
    "error_403": Words("此表单已失效，请返回重试。", "This form has expired. Please go back and try again."),
    "error_404": Words("没有这个机构或页面。", "There is no such organisation or page."),
    "error_other": Words("请求无法处理。", "The request could not be answered."),
}

STATES: Final = {
    "well": Words("正常", "well"),
    "down": Words("中断", "down"),
    "turned": Words("已动旋钮", "knobs turned"),
    "storm": Words("季风", "monsoon"),
    "lull": Words("季风间歇", "monsoon, calm"),
}

MOODS: Final = {
    "slow": Words("迟缓", "slow"),
    "uneven": Words("快慢不一", "uneven"),
    "down": Words("中断", "down"),
    "cut": Words("断线", "cuts lines"),
    "throttled": Words("限流", "throttles"),
    "flaky": Words("频出错", "flaky"),
    "mute": Words("办成不答", "acts, then mute"),
    "deaf": Words("充耳不闻", "deaf"),
    "garbled": Words("胡言乱语", "garbles"),
    "repetitive": Words("重复旧话", "repeats itself"),
    "late": Words("迟答乱序", "late, out of order"),
    "endless": Words("没完没了", "endless"),
}

MISHAPS: Final = {
    "cut": Words("断线", "cut"),
    "busy": Words("自称中断", "says it is down"),
    "throttled": Words("限流", "throttled"),
    "error": Words("服务器出错", "server error"),
    "hang": Words("不答复", "never answered"),
    "endless": Words("无尽答复", "endless answer"),
    "garbage": Words("乱码", "garbage"),
    "wrong-schema": Words("答非所问", "wrong schema"),
    "duplicate": Words("重复上一答复", "the answer before"),
    "left": Words("对方已走", "the caller left"),
    "call-back-refused": Words("回送被拒，不再回送", "call-back refused for good"),
}

GROUPS: Final[tuple[tuple[Words, tuple[str, ...]], ...]] = (
    (Words("中断", "Away"), ("down", "retry_after_s", "throttle_per_s", "hang", "error_rate")),
    (Words("快慢", "Pace"), ("delay_ms", "tail_ms", "tail_rate", "late", "late_ms")),
    (
        Words("答复", "Answers"),
        ("success_then_timeout", "garbage", "wrong_schema", "duplicate", "huge", "forgetful"),
    ),
    (Words("所见", "What it knows"), ("arrival_s", "seized", "absent", "altered", "pushes")),
)
"""In the order in which they are shown; what stands in none of them comes last."""
OTHERS: Final = Words("其他", "Others")

ONLY: Final = {
    "absent": {"miit"},
    "altered": {"miit"},
    "pushes": {"miit"},
    "seized": {"police"},
    "arrival_s": {"police", "customs"},
}
"""Knobs that only some kinds of agency have."""

KNOBS: Final = {
    "delay_ms": Knob(Words("延迟（毫秒）", "Delay (ms)"), Words("每个请求都等这么久", "Every request waits so long")),
    "tail_ms": Knob(
        Words("拖尾（毫秒）", "Tail (ms)"), Words("其中一部分再多等这么久", "A share waits so much longer")
    ),
    "tail_rate": Knob(Words("拖尾比例", "Share of the tail"), Words("0 至 1", "From 0 to 1")),
    "down": Knob(
        Words("中断方式", "Down"),
        Words(
            "503：用自己的话说中断；refuse：直接断线", "503: says so in its own words; refuse: cuts every connection"
        ),
    ),
    "retry_after_s": Knob(Words("请多少秒后再来", "Retry after (s)"), Words("随 503 发出", "Sent with a 503")),
    "throttle_per_s": Knob(Words("每秒限多少个", "At most a second"), Words("超出的得到 429", "Those above get 429")),
    "error_rate": Knob(
        Words("出错比例", "Share of errors"), Words("得到 500，什么也没办", "They get a 500, and nothing happens")
    ),
    "hang": Knob(
        Words("不理比例", "Share that hangs"), Words("永无答复，什么也没办", "No answer ever, and nothing happens")
    ),
    "success_then_timeout": Knob(
        Words("办成不答比例", "Share done but unanswered"),
        Words("办成了，答复丢失；同键再问则答", "It happens, the answer is lost; asked again with the key it comes"),
    ),
    "forgetful": Knob(
        Words("不认幂等键", "Forgets keys"),
        Words("同键再来就再办一次", "Asked again with the same key, it acts again"),
    ),
    "garbage": Knob(Words("乱码比例", "Share of garbage"), Words("答复不成文", "The answer is no message at all")),
    "wrong_schema": Knob(
        Words("答非所问比例", "Share of wrong schema"), Words("成文，但说的是别的事", "A message about something else")
    ),
    "duplicate": Knob(
        Words("重复比例", "Share of repetitions"), Words("再发一遍上一个答复", "The answer before, once more")
    ),
    "late": Knob(
        Words("迟答比例", "Share that is late"), Words("马上办，答复后到", "It happens at once, the answer comes later")
    ),
    "late_ms": Knob(Words("迟多久（毫秒）", "Late by (ms)"), Words("可晚于后来的答复", "After later ones")),
    "huge": Knob(Words("无尽比例", "Share without end"), Words("答复长达一百亿字节", "Answers of ten gigabytes")),
    "absent": Knob(Words("未到的合格证", "Absent certificates"), Words("车架号，每行一个", "VINs, one a line")),
    "altered": Knob(
        Words("上传有误的合格证", "Altered certificates"),
        Words('JSON：{"车架号": {"engineNo": "…"}}', 'JSON: {"VIN": {"engineNo": "…"}}'),
    ),
    "pushes": Knob(
        Words("主动推送", "Pushes"),
        Words("合格证一上传即通知", "Tells of each certificate as it is uploaded"),
    ),
    "seized": Knob(Words("被查封的车辆", "Seized cars"), Words("车架号，每行一个", "VINs, one a line")),
    "arrival_s": Knob(
        Words("在途时间（秒）", "Under way (s)"), Words("号牌或车辆多久到达", "How long a parcel or a car takes")
    ),
}
