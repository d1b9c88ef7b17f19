"""What is written down about requests as such: personal data that was read, and what was denied.

One entry for each page that was shown, not for each row on it. An answer whose reading cannot be written down
is not given. What was searched for is not kept: it names people who may never have heard of us.
"""

from collections.abc import Mapping
from typing import NamedTuple

from flask import Flask, Response, current_app, request

from ..core.services import audit
from ..core.services.action_log import denials
from ..core.storage.session import AWAY
from . import current


class Reading(NamedTuple):
    """What a page shows of people: the verb of the entry, and the kind of its object.

    What a page `of_platform` shows belongs to no organisation; others say so by themselves (`NounView.is_across`).
    """

    verb: str
    kind: str
    of_platform: bool = False


READINGS = {
    "ContactView.show": Reading("contact.read", "Contact"),
    "ContactView.edit": Reading("contact.read", "Contact"),
    "ContactView.list": Reading("contact.listed", "Contact"),
    "ContactView.lookup": Reading("contact.listed", "Contact"),
    "ContactConsentView.list": Reading("consent.listed", "Consent"),
    "ContactConsentView.show": Reading("consent.listed", "Consent"),
    "ContactConsentView.lookup": Reading("consent.listed", "Consent"),
    "SuppressionView.list": Reading("suppression.listed", "Suppression"),
    "SuppressionView.show": Reading("suppression.listed", "Suppression"),
    "SuppressionView.lookup": Reading("suppression.listed", "Suppression"),
    "MessageView.show": Reading("message.read", "Message"),
    "MessageView.list": Reading("message.listed", "Message"),
    "InboundView.show": Reading("reply.read", "InboundMessage"),
    "InboundView.list": Reading("reply.listed", "InboundMessage"),
    "InboxView.list": Reading("thread.listed", "Thread"),
    "InboxView.show": Reading("thread.read", "Thread"),
    "InboxView.contact": Reading("contact.read", "Contact"),
    "MemberView.list": Reading("member.listed", "Membership"),
    "MemberView.edit": Reading("member.listed", "Membership"),
    "StrayView.list": Reading("stray.listed", "StrayMessage"),
    "StrayView.show": Reading("stray.read", "StrayMessage"),
    "AccountView.list": Reading("account.listed", "User"),
    "AccountView.show": Reading("account.read", "User"),
    "AccountView.edit": Reading("account.read", "User"),
    "SignInLogView.list": Reading("sign_in.listed", "SignIn"),
    "SupportView.list": Reading("support.listed", "SupportRequest"),
    "SupportView.show": Reading("support.read", "SupportRequest"),
    "RequestView.list": Reading("subject_request.listed", "SubjectRequest"),
    "RequestView.show": Reading("subject_request.read", "SubjectRequest"),
    "RequestView.certificate": Reading("subject_request.read", "SubjectRequest"),
    "HoldView.list": Reading("hold.listed", "Hold"),
    "HoldView.show": Reading("hold.read", "Hold"),
    "ApiRequestView.list": Reading("api_request.listed", "ApiRequest"),
    "ApiRequestView.show": Reading("api_request.read", "ApiRequest"),
    "AgreementView.list": Reading("agreement.read", "Agreement", of_platform=True),
    "AgreementView.edit": Reading("agreement.read", "Agreement", of_platform=True),
    "DecisionView.list": Reading("decision.listed", "Decision"),
    "DecisionView.show": Reading("decision.read", "Decision"),
    "AuditView.list": Reading("audit.listed", "AuditEntry"),
    "AuditView.show": Reading("audit.read", "AuditEntry"),
    "ImportView.faults": Reading("import.faults_read", "Import"),
}
"""Pages that show personal data, by endpoint; a page that is added is added here.

A plugin's view says the same by the names of its methods, in an attribute `readings`.
"""

DENIED = (401, 403, 404, 429)


def install(app: Flask) -> None:
    """Write down what every answer of `app` shows or denies."""
    app.after_request(_witness_or_withhold)


def denied(status: int) -> None:
    """Write down that this request's person was denied what they asked for."""
    denials.note(
        current.the_house().work, current.actor(), current.organisation_id(), "access.denied", *current.asked_object(),
        page=request.endpoint or "", method=request.method, status=str(status),
    )  # fmt: skip


def _witness_or_withhold(response: Response) -> Response:
    """Show nothing that cannot be written down; errors of this late moment are not answered by themselves."""
    try:
        return _witness(response)
    except AWAY as error:
        return current_app.make_response(current_app.handle_user_exception(error))


def _witness(response: Response) -> Response:
    if request.endpoint in current.WITHOUT_PEOPLE or request.blueprint in current.WITHOUT_PEOPLE:
        return response
    reading = _reading() if response.status_code == 200 and request.method == "GET" else None
    if reading is not None:
        _read(reading)
    elif response.status_code in DENIED and request.endpoint is not None and not _is_sign_in():
        denied(response.status_code)
    return response


def _reading() -> Reading | None:
    endpoint = request.endpoint or ""
    view = getattr(current_app.view_functions.get(endpoint), "__self__", None)
    declared: Mapping[str, Reading] = getattr(view, "readings", {})
    return READINGS.get(endpoint) or declared.get(endpoint.partition(".")[2])


def _read(reading: Reading) -> None:
    is_platform = reading.of_platform or _is_across()
    chosen = None if is_platform else current.organisation_id()
    if chosen is None and not is_platform:
        return  # such a page shows nobody: it asks to choose an organisation
    id = str((request.view_args or {}).get("pk", ""))
    detail = {"page": request.endpoint or "", "searched": bool(request.args.get("q"))}
    with current.the_house().work(current.actor(), chosen) as work:
        audit.record_named(work, reading.verb, chosen, reading.kind, id, "", **detail)


def _is_across() -> bool:
    """Return whether the page of this request shows what is of the platform."""
    view = getattr(current_app.view_functions[request.endpoint or ""], "__self__", None)
    asked = getattr(view, "is_across", None)
    return bool(asked is not None and asked())


def _is_sign_in() -> bool:
    """Return whether this is somebody who failed to sign in: that has entries of its own."""
    return bool(request.endpoint and request.endpoint.endswith(".login"))
