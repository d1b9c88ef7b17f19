"""Where plugins' doors are: `/hooks/<plugin>/<door>`. No session, no cookie, no token; the handler proves who knocks.

Bodies are bounded before they are read and are never logged. What is refused is written down, without them.
"""

import traceback

import structlog
from flask import Blueprint, Response, current_app, g, make_response, redirect, render_template, request
from limits import RateLimitItemPerMinute
from limits.strategies import SlidingWindowCounterRateLimiter
from werkzeug.exceptions import MethodNotAllowed, NotFound

from ..core.domain.doors import Answer, Door, Knock
from ..core.errors import NotFound as Gone
from ..core.errors import Refused, Wait
from ..core.services.access.devices import network_of
from ..core.services.action_log import denials
from ..core.services.work import Actor
from ..core.storage import guard
from ..core.storage.session import AWAY
from . import current

log = structlog.get_logger(__name__)

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")
METHODS = ("GET", "POST", "PUT", "DELETE")


@blueprint.before_request
def _be_nobody() -> None:
    """Let whoever knocks be nobody: what a browser sends along by itself counts for nothing here."""
    g._login_user = current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]  # noqa: SLF001


@blueprint.route("/<plugin>/<door>", defaults={"rest": ""}, methods=METHODS)
@blueprint.route("/<plugin>/<door>/<path:rest>", methods=METHODS)
def knock(plugin: str, door: str, rest: str) -> Response:
    """Let a plugin answer what came to one of its doors."""
    found = current.the_house().registry.doors.get(f"{plugin}/{door}")
    if found is None:
        raise NotFound
    if request.method not in found.methods:
        raise MethodNotAllowed(valid_methods=found.methods)
    _count(plugin, found)
    if "\x00" in rest or any("\x00" in name + value for name, value in request.args.items(multi=True)):
        return _plain(400, "no text has a zero byte")
    body = request.stream.read(found.largest + 1) if (request.content_length or 0) <= found.largest else None
    if body is None or len(body) > found.largest:
        return _plain(413, "too large")
    knocked = Knock(
        request.method, rest, current.public_url(), dict(request.headers), list(request.args.items(multi=True)),
        body, request.remote_addr or "",
    )  # fmt: skip
    return _shown(_answer(plugin, found, knocked))


def _answer(plugin: str, door: Door, knocked: Knock) -> Answer:
    house, name = current.the_house(), f"{plugin}/{door.name}"
    actor = Actor("visitor", f"Somebody at {name}", None, knocked.source, current.request_id())
    try:
        with house.work(actor) as work, guard.platform_scope(work.session, f"the door {name}"):
            return door.answer(work, knocked)
    except Gone as error:
        refusal = Answer(404, str(error), "There is nothing here" if knocked.method == "GET" else "")
    except Refused as error:
        status = error.status if isinstance(error, Wait) else 400
        refusal = Answer(status, str(error), "This cannot be done" if knocked.method == "GET" else "")
    except AWAY:
        log.exception("door_without_database", door=name)
        return Answer(503, "come again")
    except Exception as error:
        # Where and what, not what it says: what came may be in it.
        log.error("door_failed", door=name, error=type(error).__name__, at=_place(error))
        return Answer(500, "something broke on our side")
    denials.note(house.work, actor, None, "door.refused", "Door", "", name, why=refusal.text[:200])
    return refusal


def _place(error: Exception) -> str:
    """Return where an error was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"


def _count(plugin: str, door: Door) -> None:
    """Count this knock; raise Wait beyond what one network may do here in a minute."""
    counted = SlidingWindowCounterRateLimiter(current_app.extensions["appbuilder"].sm.limiter.storage)
    key = ("hooks", plugin, door.name, network_of(request.remote_addr or ""))
    if current_app.config["RATELIMIT_ENABLED"] and not counted.hit(RateLimitItemPerMinute(door.per_minute), *key):
        raise Wait("Too many requests. Try again in a minute.", 60)


def _shown(answer: Answer) -> Response:
    if answer.location:
        path = answer.location if answer.location.startswith("/") and not answer.location.startswith("//") else "/"
        return make_response(redirect(path, 303))
    if answer.elsewhere:
        return _leading_on(answer.elsewhere)
    if answer.content:
        shown = Response(answer.content, answer.status, content_type=answer.content_type)
        shown.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return shown
    if not answer.title:
        return _plain(answer.status, answer.text, answer.content_type)
    page = render_template("pulse/door.html", title=answer.title, text=answer.text, button=answer.button)
    made = make_response(page, answer.status)
    made.headers["Referrer-Policy"] = "no-referrer"
    made.headers["X-Robots-Tag"] = "noindex"
    return made


def _leading_on(address: str) -> Response:
    """Lead away from this site without saying from where; the door vouches for the address."""
    if not address.startswith(("https://", "http://")):
        return _plain(500, "this leads nowhere")
    made = make_response(redirect(address, 302))
    made.headers["Referrer-Policy"] = "no-referrer"
    made.headers["X-Robots-Tag"] = "noindex"
    return made


def _plain(status: int, text: str, content_type: str = "text/plain") -> Response:
    return Response(text, status, content_type=f"{content_type}; charset=utf-8")
