"""Files in forms: those sent along are kept, those kept before are offered."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from flask import request
from sqlalchemy import ColumnElement, or_, select
from werkzeug.datastructures import FileStorage

from ...core.domain.form import Field, Form, Kind
from ...core.errors import Refused
from ...core.services import files
from ...core.services.files import StoredFile
from ...core.services.work import Work
from ...core.storage.models import File
from .. import current

OFFERED = 50
"""Files a form offers without being asked for others."""
KINDS = (Kind.FILE, Kind.FILES)


def input_name(field: Field) -> str:
    """Return what the input is called that a field's new files are sent by."""
    return f"upload-{field.name}"


def keep(work: Work, sent: FileStorage) -> StoredFile:
    """Keep a file that came with this request; raise Refused as `files.keep` does."""
    return files.keep(work, sent.filename or "", sent.stream.read(files.largest() + 1), sent.mimetype)


def sent_by(name: str) -> list[FileStorage]:
    """Return the files that an input of this name sent."""
    return [each for each in request.files.getlist(name) if each.filename]


def typed(field: Field) -> Any:
    """Return the ids this request's form says for a field: of one file the last, which stands lowest on the page."""
    ids = [each for each in request.form.getlist(field.name) if each.strip()]
    return ids if field.kind is Kind.FILES else ids[-1] if ids else None


def take(form: Form, raw: dict[str, Any]) -> dict[str, str]:
    """Keep the files sent with a form and put their ids into `raw`; return faults by field.

    Each is kept for itself, so that a fault elsewhere in the form loses none of them.
    """
    faults = {}
    for field in form:
        for sent in sent_by(input_name(field)) if field.kind in KINDS else ():
            try:
                with current.work() as work:
                    id = keep(work, sent).id
            except Refused as refusal:
                faults[field.name] = f"{field.label}: {refusal}"
            else:
                raw[field.name] = [*raw[field.name], id] if field.kind is Kind.FILES else id
    return faults


def chosen(value: Any) -> list[str]:
    """Return the ids a field's value holds, as a page writes them."""
    return [str(each) for each in (value if isinstance(value, list) else [value]) if each not in (None, "")]


def offer(work: Work, form: Form, values: Mapping[str, Any]) -> Form:
    """Return `form` with the files chosen in its fields, and the newest others that may be, as their choices."""
    return tuple(_offered(work, each, values.get(each.name)) if each.kind in KINDS else each for each in form)


def _offered(work: Work, field: Field, value: Any) -> Field:
    ids = [int(each) for each in chosen(value) if each.isdecimal() and len(each) < 19]
    taken = files.find(work, ids)
    others = work.session.scalars(select(File).where(fitting(field)).order_by(File.id.desc()).limit(OFFERED))
    rows = [*(taken[id] for id in ids if id in taken), *(row for row in others if row.id not in taken)]
    return replace(field, choices=tuple((str(row.id), told(row)) for row in rows))


def fitting(field: Field) -> ColumnElement[bool]:
    """Return the condition on files that a field takes."""
    return fits(field.accept, field.high)


def fits(accept: Iterable[str], most: int | None) -> ColumnElement[bool]:
    """Return the condition on files of these media types, any if none, and of `most` bytes at most."""
    kinds = [
        File.media_type.startswith(each.removesuffix("*"), autoescape=True) if each.endswith("/*")
        else File.media_type == each
        for each in accept
    ]  # fmt: skip
    size = File.size <= (files.largest() if most is None else most)
    return or_(*kinds) & size if kinds else size


def told(row: File | StoredFile) -> str:
    """Return how a file is called in a choice."""
    return f"{row.name} ({size(row.size)})"


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    if count < 1024:
        return f"{count} bytes"
    if count < files.MEGABYTE:
        return f"{count / 1024:,.0f} KB"
    return f"{count / files.MEGABYTE:,.1f}".removesuffix(".0") + " MB"
