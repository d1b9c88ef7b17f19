"""The browser of a request: which session its cookie opens, and which browser it is.

The session's cookie is signed and holds a random token; whether that opens anything is asked of the database
with every request. A second cookie, kept for half a year, lets an account know its own browsers again.
"""

from typing import Any

from flask import Response, after_this_request, g, request, session
from flask_login import login_user

from ...core.services.access import sessions, signing_in
from ...core.services.access.devices import KNOWN_FOR, Visit
from ...core.services.access.sessions import Open
from ...core.services.work import SYSTEM, Work
from .. import current

TOKEN_KEY, HALF_KEY = "token", "half"


def visit() -> Visit:
    """Return where this request comes from."""
    return Visit(
        request.remote_addr or "", request.headers.get("User-Agent", ""), request.cookies.get(_device_cookie(), "")[:64]
    )


def open_session() -> Open | None:
    """Return the open session of this request, None if its cookie opens none."""
    if "open_session" not in g:
        g.open_session = None
        if token := session.get(TOKEN_KEY):
            house = current.the_house()
            g.open_session = sessions.find(Work(current.the_session(), house.registry, house.clock, SYSTEM), str(token))
            _see(g.open_session)
    found: Open | None = g.open_session
    return found


def _see(found: Open | None) -> None:
    """Write now and then that a session is in use, in a transaction of its own."""
    house = current.the_house()
    if found is not None and found.seen_at < house.clock() - sessions.SEEN_EVERY:
        with house.work(SYSTEM) as work:
            sessions.see(work, found)


def begin(entered: signing_in.Entered, user: Any) -> None:
    """Let this browser hold a session from now on; whatever its cookie held before is dropped."""
    session.clear()
    g.pop("open_session", None)
    session[TOKEN_KEY] = entered.token
    login_user(user, remember=False)
    keep_device(entered.device)


def begin_half(entered: signing_in.Entered) -> None:
    """Let this browser give the second factor."""
    session.clear()
    session[HALF_KEY] = entered.token


def keep_device(token: str) -> None:
    """Send the cookie that lets an account know this browser again."""
    is_https = current.the_house().settings.public_url.startswith("https://")

    @after_this_request
    def send(response: Response) -> Response:
        response.set_cookie(
            _device_cookie(), token, max_age=KNOWN_FOR, secure=is_https, httponly=True, samesite="Lax", path="/"
        )
        return response


def challenge_of(said: dict[str, Any]) -> int:
    """Return which challenge a script answers to; scripts hold such numbers as text, being too long for theirs."""
    typed = said.get("challenge")
    return int(typed) if isinstance(typed, str) and typed.isascii() and typed.isdigit() and len(typed) < 19 else 0


def _device_cookie() -> str:
    is_https = current.the_house().settings.public_url.startswith("https://")
    return "__Host-pulse-device" if is_https else "pulse-device"
