"""Files that templates use: kept, and looked up by what they are."""

from typing import Any

from flask import request
from sqlalchemy import select

from ....core.domain.form import Form
from ....core.domain.scopes import FILES_READ, FILES_WRITE
from ....core.errors import Refused
from ....core.services import files
from ....core.services.files import StoredFile
from ....core.services.work import Work
from ....core.storage.models import File
from .. import door
from ..problem import Problem
from .document import TEXT, TIME, object_of
from .paging import PAGES, following, moment
from .routing import Route, query, respond, route

_WHOLE = {"type": "integer"}
_FILE = object_of(id=_WHOLE, name=TEXT, media_type=TEXT, size=_WHOLE, sha256=TEXT)
_LISTED = object_of(id=_WHOLE, name=TEXT, media_type=TEXT, size=_WHOLE, sha256=TEXT, created_at=TIME)
_QUERY: Form = PAGES


@route(
    Route(
        "/files", "GET", FILES_READ, "Files of the organisation, the newest first",
        object_of(files={"type": "array", "items": _LISTED}, next={"type": ["string", "null"]}), query=_QUERY,
    )
)  # fmt: skip
def list_files() -> Any:
    """Return a page of the organisation's files, without what is in them."""
    asked = query(_QUERY)
    with door.work() as work:
        statement = select(File).order_by(File.id.desc()).limit(asked["limit"] + 1)
        if asked["before"]:
            statement = statement.where(File.id < asked["before"])
        rows = work.session.scalars(statement).all()
    shown = [{**_shown(row), "created_at": moment(row.created_at)} for row in rows[: asked["limit"]]]
    return {"files": shown, "next": following("api.list_files", rows, asked)}


@route(
    Route(
        "/files", "POST", FILES_WRITE, "Keep a file; its id goes where a template's content asks for one", _FILE,
        status=201, takes_file=True,
    )
)  # fmt: skip
def keep_file() -> Any:
    """Keep the file sent as `file` in multipart/form-data; one that was kept before is answered as it is."""
    if request.mimetype != "multipart/form-data":
        raise Problem(415, "Send the file as `file` in multipart/form-data.")
    request.get_data()  # the whole body makes the request what it is, for Idempotency-Key
    with door.work() as work:
        return respond(work, 201, lambda: _keep(work))


def _keep(work: Work) -> dict[str, Any]:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        refusal = Refused("file: send a file with a name.")
        refusal.fields = {"file": str(refusal)}
        raise refusal
    return _shown(files.keep(work, sent.filename, sent.stream.read(files.largest() + 1), sent.mimetype))


def _shown(row: StoredFile | File) -> dict[str, Any]:
    digest = row.digest if isinstance(row.digest, str) else row.digest.hex()
    return {"id": row.id, "name": row.name, "media_type": row.media_type, "size": row.size, "sha256": digest}
