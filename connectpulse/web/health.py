"""For machines: is the process alive, may it get traffic, and how does the site do."""

from ipaddress import ip_address, ip_network

from flask import Blueprint, Response, abort, request
from sqlalchemy.exc import SQLAlchemyError

from ..core.services import overview
from ..core.services.work import SYSTEM
from ..core.storage import guard
from . import current

blueprint = Blueprint("health", __name__)


@blueprint.route("/healthz")
def healthz() -> Response:
    """Say that this process answers."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.route("/readyz")
def readyz() -> Response:
    """Say whether this process can work: 503 with the reasons if not. Health of single parts does not count."""
    house = current.the_house()
    try:
        faults = house.check_database() + house.check_writes()
    except SQLAlchemyError as error:
        faults = [f"The database does not answer ({type(error).__name__})."]
    lines = faults or ["ready"]
    return Response("\n".join(lines) + "\n", 503 if faults else 200, mimetype="text/plain")


@blueprint.route("/metrics")
def metrics() -> Response:
    """Return the figures of the site for Prometheus, to the networks of METRICS_ALLOW."""
    _require_network()
    from ..metrics import CONTENT_TYPE, exposition

    return Response(exposition(current.the_house()), content_type=CONTENT_TYPE)


@blueprint.route("/health.json")
def details() -> dict[str, object]:
    """Return every check with its sentence, to the networks of METRICS_ALLOW."""
    _require_network()
    with current.the_house().work(SYSTEM) as work, guard.platform_scope(work.session, "check the site's health"):
        checks = overview.health(work)
    return {check.name: {"is_healthy": check.is_healthy, "detail": check.detail} for check in checks}


def _require_network() -> None:
    source = ip_address(request.remote_addr or "0.0.0.0")  # noqa: S104 - nobody's address
    allowed = current.the_house().settings.metrics_allow
    if not any(source in ip_network(block, strict=False) for block in allowed):
        abort(404)
