"""The public door for people's rights: ask, confirm with a code, see how far it is, fetch a copy. No sign-in.

Every page works without JavaScript. Whoever asks learns nothing about anybody: the answer to a form is the same
for every address. What changes something is POST, so that a mail scanner that follows links uses nothing up.
"""

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from flask_limiter import Limiter

from ..core.domain.contracts import Purpose
from ..core.domain.rights import Kind, State
from ..core.errors import NotFound, Refused
from ..core.services.addresses import SCHEME_TITLES
from ..core.services.notices import mail
from ..core.services.rights import handing, intake, links, proof, telling
from ..core.services.rights.intake import Asked
from ..core.services.work import Actor, Work
from ..core.storage.models import Organisation, SubjectRequest
from . import current

blueprint = Blueprint("privacy_requests", __name__, url_prefix="/privacy")

LIMITS = "10 per minute;60 per hour"
"""How often one network may send a form here."""

READ_LIMITS = "60 per minute"
"""How often one network may open a page here: enough for people behind one address, few for guesses."""

PURPOSES = (("", "Every message"), (Purpose.PROMOTIONAL.value, "Advertising"), (Purpose.TRANSACTIONAL.value, "Other"))


def limit(limiter: Limiter) -> None:
    """Limit how often these forms are sent, and how often their pages are opened."""
    limiter.limit(LIMITS, methods=["POST"])(blueprint)
    limiter.limit(READ_LIMITS, methods=["GET", "HEAD"])(blueprint)


def _work(organisation_id: int | None = None) -> Any:
    visitor = Actor("visitor", "A visitor", None, request.remote_addr or "")
    return current.the_house().work(visitor, organisation_id)


def _opened(purpose: str, word: str) -> int:
    """Return what a page's link was made for; a link nobody made leaves a trace and is refused."""
    try:
        return links.opened(purpose, word)
    except NotFound:
        handing.refused(current.the_house().work, current.visitor(), "")
        raise


def _home(word: str) -> tuple[int | None, str]:
    """Return the organisation a form's address names, and how it is called; none is the platform."""
    if not word:
        return None, "Connect Pulse"
    organisation_id = _opened("form", word)
    with _work() as work:
        row = work.session.get(Organisation, organisation_id)
    if row is None:
        raise NotFound("This organisation is not here any more.")
    return organisation_id, row.name


@blueprint.route("/request", defaults={"word": ""}, methods=["GET", "POST"])
@blueprint.route("/request/<word>", methods=["GET", "POST"])
def ask(word: str) -> Any:
    """Show the form, or take a request in and send a code."""
    organisation_id, name = _home(word)
    errors: dict[str, str] = {}
    problems: list[str] = []
    if request.method == "POST":
        try:
            with _work(organisation_id) as work:
                asked = intake.submit(work, _asked())
                request_id = asked.id
                proof.send(work, request_id)
        except Refused as refusal:
            errors = refusal.fields
            problems = [each for each in refusal.problems if each not in errors.values()]
        else:
            return redirect(f"/privacy/confirm/{links.page('confirm', request_id)}")
    page = render_template(
        "pulse/privacy_form.html", name=name, kinds=list(Kind), schemes=SCHEME_TITLES, purposes=PURPOSES,
        errors=errors, problems=problems, typed=request.form, preferred="email" if mail.is_sent_here() else "phone",
    )  # fmt: skip
    return page, 422 if errors or problems else 200


def _asked() -> Asked:
    said = request.form
    purpose = said.get("purpose", "")
    wanted = (
        {"purpose": purpose} if said.get("kind") == Kind.OBJECTION and purpose in dict(PURPOSES) and purpose else {}
    )
    return Asked(
        said.get("kind", ""), said.get("scheme", ""), said.get("address", ""), said.get("name", "")[:200],
        said.get("message", ""), wanted,
    )  # fmt: skip


def _request(work: Work, request_id: int) -> SubjectRequest:
    row = work.session.get(SubjectRequest, request_id)
    if row is None:
        raise NotFound("This request is not kept any more.")
    work.organisation = row.organisation_id
    return row


@blueprint.route("/confirm/<word>", methods=["GET", "POST"])
def confirm(word: str) -> Any:
    """Ask for the code, and verify the request with it; the page is the same for every request."""
    request_id = _opened("confirm", word)
    is_wrong = False
    if request.method == "POST":
        with _work() as work:
            row = _request(work, request_id)
            if "again" in request.form:
                proof.send(work, row.id)
                return redirect(request.path)
            is_wrong = proof.confirm(work, row.id, request.form.get("code", "")) is None
        if not is_wrong:
            return redirect(f"/privacy/status/{links.page('status', request_id)}")
    return render_template("pulse/privacy_confirm.html", is_wrong=is_wrong), 422 if is_wrong else 200


@blueprint.route("/status/<word>", methods=["GET", "POST"])
def status(word: str) -> Any:
    """Show how far a request is; withdraw it, or fetch the copy where no mail carries the link."""
    request_id = _opened("status", word)
    with _work() as work:
        row = _request(work, request_id)
        if request.method == "POST":
            return _act(work, row, request.form.get("act", ""))
        package = handing.ready(work, row.id)
        return render_template(
            "pulse/privacy_status.html", row=row, kind=Kind(row.kind), state=State(row.state), day=telling.day,
            name=telling.who(work, row), has_package=package is not None and not handing.is_mailed(row),
            is_mailed=package is not None and handing.is_mailed(row),
        )  # fmt: skip


def _act(work: Work, row: SubjectRequest, act: str) -> Any:
    if act == "withdraw":
        intake.withdraw(work, row.id)
    elif act == "fetch" and not handing.is_mailed(row):
        return redirect(f"/privacy/package/{handing.fresh_link(work, row.id).rpartition('/')[2]}")
    return redirect(request.path)


@blueprint.route("/package/<token>", methods=["GET", "POST"])
def package(token: str) -> Any:
    """Show the button that opens the copy, and hand it over once."""
    visitor = Actor("visitor", "A visitor", None, request.remote_addr or "")
    opener = current.the_house().work
    if request.method == "GET":
        if not handing.look(opener, token, visitor):
            raise NotFound("This link was used already, is older than seven days, or is not one of ours.")
        return render_template("pulse/privacy_package.html")
    name, content = handing.fetch(opener, token, visitor)
    return Response(
        content, mimetype="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
