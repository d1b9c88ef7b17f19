"""The public door for ending mail: a page for people, and one click for programs of mail (RFC 8058). No sign-in.

A POST needs no token of a form: the link itself is the proof, and all it can do is to end mail. A GET changes
nothing, so that a scanner that follows links ends nothing.
"""

from typing import Any

from flask import Blueprint, render_template, request
from flask_limiter import Limiter

from ..core.services.notices import leaving
from . import current

blueprint = Blueprint("mail_choices", __name__, url_prefix="/mail")

LIMITS = "60 per minute"
"""How often one network may come here: enough for the many people of one mail provider, few for guesses."""


def limit(limiter: Limiter) -> None:
    """Limit how often these pages are opened and sent."""
    limiter.limit(LIMITS)(blueprint)


@blueprint.route("/leave/<word>", methods=["GET", "POST"])
def leave(word: str) -> Any:
    """Say what a link ends, or end it."""
    _, sort = leaving.opened(word)
    if request.method == "POST":
        with current.the_house().work(current.visitor()) as work:
            leaving.leave(work, word)
    return render_template("pulse/mail_leave.html", what=leaving.SORTS[sort], is_done=request.method == "POST")
