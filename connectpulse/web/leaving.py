"""The public doors for ending mail and messages: a page for people, one click for programs (RFC 8058). No sign-in.

A POST needs no token of a form: the link itself is the proof, and all it can do is to end what it came with. A GET
changes nothing, so that a scanner that follows links ends nothing.
"""

from typing import Any

from flask import Blueprint, render_template, request
from flask_limiter import Limiter

from ..core.services import ways_out
from ..core.services.notices import leaving
from . import current

blueprint = Blueprint("mail_choices", __name__)

LIMITS = "60 per minute"
"""How often one network may open a link."""
CLICKS = "6000 per minute"
"""How often one network may follow one: providers of mail click for all their people; the link is its own proof."""


def limit(limiter: Limiter) -> None:
    """Limit how often these pages are opened and sent."""
    limiter.limit(LIMITS, methods=["GET"])(blueprint)
    limiter.limit(CLICKS, methods=["POST"])(blueprint)


@blueprint.route("/mail/leave/<word>", methods=["GET", "POST"])
def leave(word: str) -> Any:
    """Say what a link ends, or end it."""
    _, sort = leaving.opened(word)
    if request.method == "POST":
        with current.the_house().work(current.visitor()) as work:
            leaving.leave(work, word)
    return render_template("pulse/mail_leave.html", what=leaving.SORTS[sort], is_done=request.method == "POST")


@blueprint.route(f"{ways_out.PATH}/<word>", methods=["GET", "POST"])
def stop(word: str) -> Any:
    """Say whose messages a link stops, or stop them."""
    is_done = request.method == "POST"
    with current.the_house().work(current.visitor()) as work:
        way = ways_out.take(work, word) if is_done else ways_out.find(work, word)
        channel = work.registry.channel(way.channel).title
    return render_template("pulse/stop.html", way=way, channel=channel, is_done=is_done)
