"""What may lie where a receipt should: a receipt, what has been written of one so far, or none at all."""

from __future__ import annotations

import json

import pytest

from adapters import replies
from adapters.errors import BrokenAnswer, TakenIn
from adapters.fixtures import Case, cases
from adapters.registry import ADAPTERS
from adapters.spec import UNREADABLE, Reply
from contracts.contract import Contract
from contracts.export import ExportReleasedV1

CUSTOMS = ADAPTERS["customs"]
WHOLE: Case = next(case for case in cases(CUSTOMS) if case.file == "export-declare")
RAW = WHOLE.answer()
EVENT = ExportReleasedV1.model_validate_json(json.dumps(WHOLE.then["data"]))


def _read(raw: bytes) -> Reply:
    return CUSTOMS.binding.read(200, {}, raw)


def _answer(got: Reply) -> Contract:
    return replies.answer(CUSTOMS, WHOLE.operation, WHOLE.told(), got)


@pytest.mark.parametrize("written", [RAW, RAW.decode().replace("UTF-8", "GB18030").encode("gb18030")])
def test_a_receipt_that_is_being_written_is_not_there_yet(written: bytes) -> None:
    """Wherever the writer has come to, in either encoding."""
    for cut in range(len(written)):
        with pytest.raises(TakenIn):
            _answer(_read(written[:cut]))
    assert _answer(_read(written)) == EVENT


@pytest.mark.parametrize(
    "written",
    [
        RAW + b"<!-- archived -->\r\n",
        RAW.replace(b"<DecReceipt", b"<!-- answers <DecMessage> --><DecReceipt", 1),
        RAW.replace(b"</DecReceipt>", b"</DecReceipt \n>"),
        RAW.replace(b"?>", b"?><?kept for=years?>", 1),
    ],
    ids=["comment behind", "comment before", "space in the end", "instruction"],
)
def test_a_receipt_is_whole_whatever_its_writer_likes(written: bytes) -> None:
    """XML allows it, so nobody waits for a rest that never comes."""
    assert _answer(_read(written)) == EVENT


@pytest.mark.parametrize(
    "written",
    [b"busy", b"<html><body><br>gone</body></html>", RAW + RAW, RAW.replace(b"</MessageHead>", b"", 1), b"<rows/>"],
    ids=["words", "a page", "two", "a tag lost", "another"],
)
def test_what_is_no_receipt_is_broken_at_once(written: bytes) -> None:
    """It says nothing, and it is not called unfinished until the deadline."""
    got = _read(written)
    assert (got.status, got.body) == (200, UNREADABLE)
    with pytest.raises(BrokenAnswer):
        _answer(got)


def test_a_receipt_without_a_code_releases_nothing() -> None:
    """Where only a code says that it is done, nothing is, however complete the rest looks."""
    with pytest.raises(BrokenAnswer, match="^field:returnCode$"):
        _answer(_read(RAW.replace(b"<returnCode>HG000</returnCode>", b"")))
