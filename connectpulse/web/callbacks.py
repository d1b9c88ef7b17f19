"""The door for providers' webhooks: `/callbacks/<connection>/<token>`.

Nothing but a 2xx says that an event is kept: 404 for an address nobody has, 403 for a forgery, 413 for too
much, 503 while the database, or what proves a request, is away, so that the provider comes again.
"""

from dataclasses import replace

import structlog
from flask import Blueprint, Response, current_app, request
from flask.sansio.blueprints import BlueprintSetupState

from ..core.domain.provider import Callback
from ..core.errors import NotFound
from ..core.services import callbacks, proofs
from ..core.services.action_log import denials
from ..core.services.work import Actor
from ..core.storage.session import AWAY
from ..house import House
from . import current
from .wakings import Wakings

log = structlog.get_logger(__name__)

blueprint = Blueprint("callbacks", __name__, url_prefix="/callbacks")

_KEY = "pulse_wakings"

_BEYOND = 2**63
"""No connection has such a number, and the database cannot even be asked for it."""


@blueprint.record_once
def _begin(state: BlueprintSetupState) -> None:
    house: House = state.app.extensions["pulse_house"]
    state.app.extensions[_KEY] = wakings = Wakings(lambda connection_id: house.waker(callbacks.DRAIN, connection_id))
    house.closing.append(wakings.close)


@blueprint.route("/<int:connection_id>/<token>", methods=["GET", "POST"])
def receive(connection_id: int, token: str) -> Response:
    """Keep a provider's event and say so."""
    if connection_id >= _BEYOND:
        return _answer(404, "no such address")
    if (request.content_length or 0) > callbacks.LARGEST:
        return _answer(413, "too large")
    body = request.stream.read(callbacks.LARGEST + 1)
    if len(body) > callbacks.LARGEST:
        return _answer(413, "too large")
    callback = Callback(
        method=request.method,
        url=current.public_url(),
        headers=dict(request.headers),
        query=list(request.args.items(multi=True)),
        body=body,
        source=request.remote_addr or "",
    )
    try:
        kept = _store(connection_id, token, callback)
        if kept.visit:
            proofs.visit(kept.visit)
    except NotFound:
        _note_forgery(connection_id, "no such address")
        return _answer(404, "no such address")
    except callbacks.Forged:
        log.warning("callback_forged", connection=connection_id, source=callback.source)
        _note_forgery(connection_id, "not genuine")
        return _answer(403, "not genuine")
    except AWAY:
        log.exception("callback_not_kept", connection=connection_id)
        return _answer(503, "come again")
    except proofs.Failed as failure:
        log.warning("callback_not_proven", connection=connection_id, reason=str(failure))
        return _answer(503, "come again")
    return _answer(200, kept.word, kept.media_type)


def _store(connection_id: int, token: str, callback: Callback) -> callbacks.Kept:
    """Keep a request; what is needed to check it is fetched in between, while no transaction is open."""
    try:
        return _store_at_once(connection_id, token, callback)
    except proofs.Missing as missing:
        proofs.fetch(missing.address)
    return _store_at_once(connection_id, token, callback)


def _store_at_once(connection_id: int, token: str, callback: Callback) -> callbacks.Kept:
    with current.the_house().work(_actor(connection_id)) as work:
        answer = callbacks.store(work, connection_id, token, callback)
        wakings: Wakings = current_app.extensions[_KEY]
        if wakings.may(connection_id):
            work.wake(callbacks.DRAIN, connection_id)
    return answer


def _actor(connection_id: int) -> Actor:
    name = f"connection {connection_id}"
    return Actor("provider", name, connection_id, request.remote_addr or "", current.request_id())


def _note_forgery(connection_id: int, why: str) -> None:
    actor = replace(_actor(connection_id), kind="visitor", name="Somebody", id=None)
    denials.note(current.the_house().work, actor, None, "callback.forged", "Connection", connection_id, why=why)


def _answer(status: int, word: str, media: str = "text/plain") -> Response:
    return Response(word, status, mimetype=media)
