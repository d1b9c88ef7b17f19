"""Files of an organisation: pictures, documents and sounds that its templates use.

A content is kept once. A file is in use while the newest version of a template has it, or a version whose campaign
is not over; only then may it not be deleted, and retention spares it.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import undefer

from ..domain.form import Field, Form, Kind
from ..errors import NotFound, Refused
from ..storage.models import File, FileUse, Organisation, TemplateVersion
from . import media, records
from .work import Work

MEGABYTE = 1024 * 1024

_LIVE = """
FROM pulse_file_use u
JOIN pulse_template_version v ON v.id = u.version_id
JOIN pulse_template t ON t.id = v.template_id
LEFT JOIN (
    SELECT id, template_version_id FROM pulse_campaign
    UNION ALL SELECT campaign_id, template_version_id FROM pulse_fallback) AS leg ON leg.template_version_id = v.id
LEFT JOIN pulse_campaign c ON c.id = leg.id AND c.state NOT IN ('finished', 'cancelled', 'failed')
WHERE (c.id IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM pulse_template_version n WHERE n.template_id = v.template_id AND n.number > v.number))
"""
IDLE = f"NOT EXISTS (SELECT 1 {_LIVE} AND u.file_id = pulse_file.id)"
"""The condition on files that nothing uses, as SQL."""


class _Bounds:
    """How much may be kept, in bytes, set once at start."""

    largest = 25 * MEGABYTE
    quota = 1024 * MEGABYTE


class StoredFile(NamedTuple):
    """A file with its bytes. `media_type` is what the bytes were found to be, `digest` their SHA-256 in hex."""

    id: int
    name: str
    media_type: str
    size: int
    digest: str
    content: bytes


def use(limit_mb: int, quota_mb: int) -> None:
    """Let files have `limit_mb` megabytes at most, and those of an organisation `quota_mb` together."""
    _Bounds.largest, _Bounds.quota = limit_mb * MEGABYTE, quota_mb * MEGABYTE


def largest() -> int:
    """Return how many bytes a file may have."""
    return _Bounds.largest


def keep(work: Work, name: str, content: bytes, media_type: str = "") -> StoredFile:
    """Keep a file and return it; one that was kept before is returned as it is, under the name it has.

    `media_type` is what the sender says it is, empty if nobody does. Raises Refused where the bytes tell otherwise,
    for a file that is empty or too large, and where the organisation keeps too much already.
    """
    name = _plain(name)
    _fits(name, content)
    kind = media.media_type(name, content, media_type)
    work.session.execute(  # one at a time, so that the sum is right and a content comes once
        select(Organisation.id).where(Organisation.id == work.organisation_id).with_for_update(key_share=True)
    )
    digest = hashlib.sha256(content).digest()
    row = work.session.scalars(select(File).where(File.digest == digest)).one_or_none()
    if row is None:
        _has_room(work, name, len(content))
        row = File(name=name, media_type=kind, size=len(content), digest=digest, content=content,
                   created_by=work.actor.name, used_at=work.clock())  # fmt: skip
        records.create(work, row, "file.kept", media_type=kind, bytes=len(content))
    else:
        row.used_at = work.clock()
        work.session.flush()
    return StoredFile(row.id, row.name, row.media_type, row.size, digest.hex(), content)


def _plain(name: str) -> str:
    last = name.replace("\\", "/").rpartition("/")[2]
    said = "".join(letter for letter in last if letter.isprintable()).strip()
    stem, dot, ending = said.rpartition(".")
    return said if len(said) <= 200 else f"{stem[:150]}{dot}{ending[:40]}" if dot else said[:200]


def _fits(name: str, content: bytes) -> None:
    if not name:
        raise Refused("The file has no name.")
    if not content:
        raise Refused(f"{name}: this file is empty.")
    if len(content) > _Bounds.largest:
        raise Refused(f"{name}: a file may have {_Bounds.largest // MEGABYTE} MB at most.")


def _has_room(work: Work, name: str, size: int) -> None:
    kept = kept_bytes(work)
    if kept + size > _Bounds.quota:
        raise Refused(
            f"{name}: your organisation may keep {_Bounds.quota // MEGABYTE:,} MB of files, and "
            f"{kept / MEGABYTE:,.1f} MB are kept. Delete files that no template uses."
        )


def kept_bytes(work: Work) -> int:
    """Return how many bytes the organisation's files have together."""
    return int(work.session.scalar(select(func.coalesce(func.sum(File.size), 0))) or 0)


def quota() -> int:
    """Return how many bytes the files of an organisation may have together."""
    return _Bounds.quota


def read(work: Work, file_id: int) -> StoredFile:
    """Return a file of the work's organisation with its bytes; raise NotFound if it has none of this id."""
    statement = select(File).where(File.id == file_id).options(undefer(File.content))
    row = work.session.scalars(statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no file {file_id}.")
    return StoredFile(row.id, row.name, row.media_type, row.size, row.digest.hex(), row.content)


def find(work: Work, file_ids: Sequence[int]) -> dict[int, File]:
    """Return those of the organisation's files that have these ids, by id, without their bytes."""
    rows = work.session.scalars(select(File).where(File.id.in_(file_ids))) if file_ids else ()
    return {row.id: row for row in rows}


_INLINE = re.compile(r"""(?<=["'(=\s])file:(\d{1,18})(?=["')\s>])""")
_SHOWN = 8 * MEGABYTE


def put_in(work: Work, document: str) -> str:
    """Return an HTML document with the content of the organisation's files, of 8 MB at most, where it has `file:ID`."""
    sources = {id: _source(work, int(id)) for id in set(_INLINE.findall(document))}
    return _INLINE.sub(lambda found: sources[found[1]], document)


def _source(work: Work, id: int) -> str:
    row = find(work, [id]).get(id)
    if row is None or row.size > _SHOWN:
        return "data:,"
    return f"data:{row.media_type};base64,{base64.b64encode(read(work, id).content).decode()}"


def remove(work: Work, file_id: int) -> None:
    """Delete a file; raise Refused with what uses it."""
    row = records.find(work, File, file_id, lock=True)
    users = used_by(work, row.id)
    if users:
        shown = ", ".join(users[:5]) + (f" and {len(users) - 5} more" if len(users) > 5 else "")
        raise Refused(f"{row.name} is used by {shown}. Take it out there first.")
    records.delete(work, row, "file.deleted")


def used_by(work: Work, file_id: int) -> list[str]:
    """Return what uses a file: names of templates, and of campaigns that are not over."""
    found = work.session.execute(
        text(
            "SELECT DISTINCT CASE WHEN c.id IS NULL THEN 'the template ' || t.name ELSE 'the campaign ' || c.name END "
            f"{_LIVE} AND u.file_id = :file AND u.organisation_id = :organisation ORDER BY 1 LIMIT 100"
        ),
        {"file": file_id, "organisation": work.organisation_id},
    )
    return list(found.scalars())


def named(form: Form, content: Mapping[str, Any]) -> list[int]:
    """Return the ids of all files a content has."""
    return list(dict.fromkeys(id for field in form for id in _ids(field, content.get(field.name))))


def _ids(field: Field, value: Any) -> list[int]:
    if field.kind is Kind.FILE:
        return [] if value is None else [value]
    return list(value or []) if field.kind is Kind.FILES else []


def check(work: Work, form: Form, content: Mapping[str, Any]) -> None:
    """Raise Refused, with a sentence by field, unless each file is the organisation's and fits where it is."""
    there = find(work, named(form, content))
    faults: dict[str, str] = {}
    for field in form:
        for id in _ids(field, content.get(field.name)):
            if fault := _fault(field, id, there.get(id)):
                faults[field.name] = f"{field.label}: {fault}"
    if faults:
        refusal = Refused(*faults.values())
        refusal.fields = faults
        raise refusal


def _fault(field: Field, id: int, row: File | None) -> str:
    if row is None:
        return f"there is no file {id}. Choose another, or upload it again."
    if not field.takes(row.media_type):
        return f"{row.name} is {row.media_type}; this must be {' or '.join(field.accept)}."
    if field.high is not None and row.size > field.high:
        return f"{row.name} has {row.size / MEGABYTE:,.1f} MB; at most {field.high / MEGABYTE:,.1f} MB may go here."
    return ""


def use_in(work: Work, version: TemplateVersion, file_ids: Sequence[int]) -> None:
    """Write down which files a new version of a template has; those of earlier versions count as used till now."""
    if file_ids:
        rows = [{"version_id": version.id, "file_id": id, "organisation_id": work.organisation_id} for id in file_ids]
        work.session.execute(insert(FileUse), rows)
    ours = select(FileUse.file_id).join(TemplateVersion, TemplateVersion.id == FileUse.version_id)
    work.session.execute(
        update(File)
        .where(File.id.in_(ours.where(TemplateVersion.template_id == version.template_id)))
        .values(used_at=work.clock()),
        execution_options={"synchronize_session": False},
    )
