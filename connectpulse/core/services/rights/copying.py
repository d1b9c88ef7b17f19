"""The copy of a person's data: one zip with JSON and CSV per table, a page for people, and a signed list of it all.

`manifest.json` names every file with its SHA-256 and carries the site's signature (ed25519, RFC 8032) over them;
`check` recognises a package that is not ours or was changed, with nothing but the public key.
"""

import hashlib
import html
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...domain import cells
from ...domain.retention import Subject
from ...errors import Refused
from ...storage.models import SubjectRequest
from ...storage.trust import sealed, unsealed
from .. import audit
from ..work import Work
from . import planning, telling

MANIFEST = "manifest.json"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse;width:100%;margin:0 0 2rem}th,td{border:1px solid #8884;padding:.35rem .6rem;"
    "text-align:start;vertical-align:top;overflow-wrap:anywhere}div{overflow-x:auto}"
)

Rows = Sequence[Mapping[str, Any]]


def collect(work: Work, subject: Subject, archived: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, Rows]]:
    """Return everything held about a person, as table → its title and rows; `archived` is what lies in archives."""
    found: dict[str, tuple[str, Rows]] = {}
    for table, each in sorted(work.registry.subjects.items()):
        rows = [audit.plain(dict(row)) for row in each.export(work, subject)]
        if rows:
            found[table] = (planning.title(work, table), rows)
    if kept := [audit.plain(dict(row)) for row in archived]:
        found["archives"] = ("Archives", kept)
    return found


def pack(work: Work, request: SubjectRequest, subject: Subject, archived: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the zip. It is made in memory: nothing of it touches a disk unencrypted."""
    tables = collect(work, subject, archived)
    files: dict[str, bytes] = {"index.html": _page(work, request, tables).encode()}
    for table, (_, rows) in tables.items():
        files[f"{table}.json"] = json.dumps(rows, ensure_ascii=False, indent=1).encode()
        files[f"{table}.csv"] = _csv(rows).encode("utf-8-sig")
    payload = {
        "request": request.id,
        "from": telling.who(work, request),
        "made_at": work.clock().isoformat(timespec="seconds"),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
        "rows": {table: len(rows) for table, (_, rows) in tables.items()},
    }
    files[MANIFEST] = json.dumps(sealed(payload), ensure_ascii=False, indent=1).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return out.getvalue()


def check(package: bytes, public_key: str) -> dict[str, Any]:
    """Return what a package's manifest says; raise Refused, naming it, for anything that is not as it was signed."""
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as opened:
            names = opened.namelist()
            files = {name: opened.read(name) for name in names}
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, zlib.error) as error:
        raise Refused(f"This is no package, or it was damaged: {type(error).__name__}.") from None
    if MANIFEST not in files or len(set(names)) != len(names):
        raise Refused("This is no package of ours: its manifest is missing, or a file is in it twice.")
    try:
        envelope = json.loads(files.pop(MANIFEST))
    except ValueError:
        raise Refused("This is no package of ours: its manifest cannot be read.") from None
    payload = unsealed(envelope if isinstance(envelope, dict) else {}, public_key)
    signed = payload.get("files", {})
    for name in sorted(set(signed) | set(files)):
        if name not in files:
            raise Refused(f"{name} is missing from the package.")
        if signed.get(name) != hashlib.sha256(files[name]).hexdigest():
            raise Refused(f"{name} is not what was signed.")
    return payload


def _columns(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _csv(rows: Rows) -> str:
    columns = _columns(rows)
    return "".join(cells.lines([columns, *([_text(row.get(name)) for name in columns] for row in rows)]))


def _page(work: Work, request: SubjectRequest, tables: Mapping[str, tuple[str, Rows]]) -> str:
    said = html.escape
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Your data</title><style>{_STYLE}</style>"
        f"<h1>Your data</h1><p>What {said(telling.who(work, request))} holds about you, as of "
        f"{telling.day(work.clock())}. Request {request.id}.</p>"
    ]
    if not tables:
        parts.append("<p>Nothing is held about you.</p>")
    for title, rows in tables.values():
        columns = _columns(rows)
        head = "".join(f"<th scope=col>{said(name.replace('_', ' ').capitalize())}" for name in columns)
        body = "".join(
            "<tr>" + "".join(f"<td dir=auto>{said(_text(row.get(name)))}" for name in columns) for row in rows
        )
        parts.append(f"<h2>{said(title)}</h2><div><table><tr>{head}{body}</table></div>")
    return "".join(parts)
