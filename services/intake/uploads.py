"""Getting a file out of an HTTP request: as the body itself, or as the one file of a form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from services.intake import body
from services.intake.files.reading import UNNAMED, File, Format, format_of, open_file
from services.intake.media import media_type
from services.intake.problems import BAD_REQUEST, WRONG_MEDIA_TYPE, Problem, fault

_FORM: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came, with what its sender says it is."""

    content: bytes
    format: Format | None


async def receive(request: Request, filename: str) -> Upload:
    """Read an upload, up to the limit. Raises a `Problem`."""
    kind = media_type(request)
    if kind == _FORM:
        return await _from_form(request)
    format_ = format_of(kind, filename)
    if format_ is None and kind not in UNNAMED:
        raise _unknown()
    return Upload(await body.read(request, body.BULK_LIMIT), format_)


def opened(upload: Upload) -> File:
    """Begin to read it. Raises a `Problem` if it cannot be read as a whole."""
    return open_file(upload.content, upload.format)


async def _from_form(request: Request) -> Upload:
    parser = MultiPartParser(request.headers, body.stream(request, body.BULK_LIMIT), max_files=1, max_fields=10)
    try:
        form = await parser.parse()
    except (MultiPartException, MultipartParseError, KeyError):
        raise Problem(BAD_REQUEST, fault("body", "broken_form")) from None
    try:
        files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        if len(files) != 1:
            raise Problem(BAD_REQUEST, fault("file", "missing"), fix="表单须有一个文件 / the form must hold one file")
        return Upload(await files[0].read(), _format(files[0]))
    finally:
        await form.close()


def _format(file: UploadFile) -> Format | None:
    kind = (file.content_type or "").split(";")[0].strip().lower()
    format_ = format_of(kind, file.filename or "")
    if format_ is None and kind not in UNNAMED:
        raise _unknown()
    return format_


def _unknown() -> Problem:
    fix = "text/csv, application/json, application/x-ndjson, multipart/form-data"
    return Problem(WRONG_MEDIA_TYPE, fault("Content-Type", "not_supported"), fix=fix)
