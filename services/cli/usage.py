"""What was typed and no verb understands: told in both languages, with what to type, and as JSON to who asked for it.

What was typed in the place of a word of ours is not said again: it may be a name or a VIN, and this is kept in logs.

Typer tells it in English only, and to people only; its kinds of error are those of the click that it carries.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import typer
from pydantic import ValidationError
from typer._click.exceptions import (
    BadOptionUsage,
    MissingParameter,
    NoArgsIsHelpError,
    NoSuchOption,
    UsageError,
)
from typer.core import TyperArgument, TyperGroup

from contracts.numbers.errors import Sentence
from services.cli import terminal
from services.stack import reasons
from services.stack.trouble import TroubleError

if TYPE_CHECKING:
    from typer._click import Command, Context

CODE: Final = "usage"
_VERB: Final = re.compile(r"[a-z][a-z-]{0,15}")
_OPTION: Final = re.compile(r"-[A-Za-z]|--[a-z][a-z-]{0,19}")
"""What may be a slip of the hand for one of ours; all else may be about a person."""
_OURS: Final = re.compile(r"--[a-z]|[^\x00-\x7f]")
"""How a sentence begins that a parser of ours wrote; Typer's begin with an English word."""
_EXAMPLE: Final = datetime(2026, 11, 21, 8, 30)  # noqa: DTZ001 - of how a day is written


class Verbs(TyperGroup):
    """All verbs below one name."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Context | None = None, **extra: Any
    ) -> Context:
        """Read what stands before the verb."""
        typed = tuple(args)
        with self._understood(typed):
            return super().make_context(info_name, args, parent, obj=typed, **extra)

    def invoke(self, ctx: Context) -> Any:
        """Read the verb and what stands behind it, and run it."""
        with self._understood(ctx.obj):
            return super().invoke(ctx)

    @contextmanager
    def _understood(self, typed: Sequence[str]) -> Iterator[None]:
        try:
            yield
        except NoArgsIsHelpError:
            raise  # it has shown the verbs
        except UsageError as wrong:
            terminal.show(_Typed(self, typed).trouble(wrong), as_json=terminal.wants_json(typed))
            sys.exit(wrong.exit_code)


class _Typed:
    """The words of a person, as far as they name a verb."""

    def __init__(self, verbs: TyperGroup, words: Sequence[str]) -> None:
        self._command: Command = verbs
        self._path: list[str] = []
        self._words = words
        for word in words:
            inner = self._command.commands.get(word) if isinstance(self._command, TyperGroup) else None
            if inner is None:
                break
            self._command = inner
            self._path.append(word)

    def trouble(self, wrong: UsageError) -> TroubleError:
        """What is wrong, and what to type instead."""
        said, better = self._said(wrong)
        help_ = " ".join((terminal.TYPED, *self._path, "--help"))
        return TroubleError(said.zh, said.en, fix=" | ".join((*better, help_)), code=CODE)

    def _said(self, wrong: UsageError) -> tuple[Sentence, Sequence[str]]:
        """What is wrong, and what may have been meant."""
        match wrong:
            case typer.BadParameter():
                return _of_parameter(wrong), ()
            case NoSuchOption(option_name=name):
                return _no_option(name), sorted(wrong.possibilities or ())
            case BadOptionUsage(option_name=name):
                return self._of_option(name), ()
            case _ if isinstance(self._command, TyperGroup):
                return self._no_verb(self._command)
        return self._too_many(wrong), ()

    def _too_many(self, wrong: UsageError) -> Sentence:
        if wrong.ctx is None:
            return Sentence("有多余的词", "there are words too many")
        words = list(self._words[len(self._path) :])
        more = len(self._command.make_parser(wrong.ctx).parse_args(words)[1])
        return Sentence(f"多余 {more} 个词", f"{more} {'word' if more == 1 else 'words'} too many")

    def _of_option(self, name: str) -> Sentence:
        if any(word.startswith(f"{name}=") for word in self._words):
            return Sentence(f"{name} 不带值", f"{name} takes no value")
        return Sentence(f"{name} 之后须有值", f"{name} needs a value")

    def _no_verb(self, group: TyperGroup) -> tuple[Sentence, Sequence[str]]:
        left = self._words[len(self._path) :]
        meant = get_close_matches(left[0], group.commands) if left else group.commands
        better = [" ".join((terminal.TYPED, *self._path, verb)) for verb in meant]
        if not left:
            return Sentence("缺少命令", "a verb is missing"), better
        if _VERB.fullmatch(left[0]) is None:
            return Sentence("没有这个命令", "there is no such verb"), better
        return Sentence(f"没有命令 {left[0]}", f"there is no verb {left[0]}"), better


def _no_option(name: str) -> Sentence:
    if _OPTION.fullmatch(name) is None:
        return Sentence("没有这个选项", "there is no such option")
    return Sentence(f"没有选项 {name}", f"there is no option {name}")


def _of_parameter(wrong: typer.BadParameter) -> Sentence:
    name = _name(wrong)
    if isinstance(wrong, MissingParameter):
        return Sentence(f"缺少 {name}", f"{name} is missing")
    said = _of_value(wrong)
    return Sentence(f"{name}：{said.zh}", f"{name}: {said.en}") if name else said


def _name(wrong: typer.BadParameter) -> str:
    """The option or argument as it is typed; nothing where the verb says in its own words which it means."""
    if isinstance(wrong.param_hint, str):
        return wrong.param_hint
    if wrong.param is None:
        return ""
    return wrong.param.display_name_raw if isinstance(wrong.param, TyperArgument) else wrong.param.opts[0]


def _of_value(wrong: typer.BadParameter) -> Sentence:
    """What a parser of ours says is said twice already, one behind the other; what Typer says repeats the value."""
    if not isinstance(wrong.__cause__, ValidationError):
        zh, both, en = wrong.message.partition(" / ")
        ours = both and _OURS.match(zh)
        return Sentence(zh, en) if ours else Sentence("无法使用", "cannot be used")
    kind = wrong.param.type_descriptor if wrong.param else None
    if kind and kind.choices is not None:
        known = " | ".join(str(one.value if isinstance(one, Enum) else one) for one in kind.choices)
        return Sentence(f"须为 {known}", f"must be {known}")
    if kind and kind.parameter_info.formats:
        example = _EXAMPLE.strftime(kind.parameter_info.formats[0])
        return Sentence(f"须为实有的日期，如 {example}", f"must be a day that there is, as {example}")
    return reasons.of_value(wrong.__cause__.errors()[0])
