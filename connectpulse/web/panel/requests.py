"""Requests about personal data: who asked what, until when, what would be done, and what was done."""

import json
from typing import Any, ClassVar

from flask import Response, abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from markupsafe import Markup
from sqlalchemy import ColumnElement, Select, func, select

from ...core.domain import rights
from ...core.domain.contracts import Purpose
from ...core.domain.form import Field, Form
from ...core.domain.form import Kind as FieldKind
from ...core.domain.rights import Kind, State
from ...core.errors import Refused
from ...core.services import four_eyes
from ...core.services.addresses import SCHEME_TITLES
from ...core.services.rights import correcting, handing, intake, links, planning, proof
from ...core.services.rights.intake import Asked
from ...core.services.work import Work
from ...core.storage.models import SubjectRequest
from .. import current
from ..security.roles import APPROVE, READ, WRITE
from . import corrections
from .across import AcrossView, whose
from .cells import Column, Filter, badge, link
from .dates import moment

_KINDS = {"done": "ok", "refused": "bad", "withdrawn": "", "received": "warn", "planned": "warn"}
_OPEN = [State.RECEIVED, State.VERIFIED, State.PLANNED, State.APPROVED]


def is_late(row: SubjectRequest) -> bool:
    """Return whether a request should have been answered by now."""
    return State(row.state).is_open and row.due_at <= current.the_house().clock()


def due(row: SubjectRequest) -> Any:
    """Return when a request must be answered, as a mark where it is over."""
    if not State(row.state).is_open:
        return ""
    return Markup("{} {}").format(moment(row.due_at), badge("overdue", "bad")) if is_late(row) else moment(row.due_at)


def _link(row: SubjectRequest) -> Any:
    return link(f"{row.kind.capitalize()} {row.id}", "RequestView.show", pk=row.id, of=whose(row))


class RequestView(AcrossView):
    model = SubjectRequest
    reason_across = "answer requests to the platform"
    noun, plural, icon = "Request", "Requests", "fa-user-shield"
    class_permission_name = "Requests"
    route_base = "/requests"
    add_label = "Enter a request"
    can_edit = can_delete = False
    empty_hint = "Nobody has asked about their data yet. Enter what comes by letter or phone here."
    search_hint = "Address of the person"
    show_template = "pulse/request.html"
    list_template = "pulse/requests.html"
    include_route_methods: ClassVar[set[str]] = {
        "list", "show", "add", "verify", "plan", "correct", "refuse", "extend", "withdraw", "again", "hand_over",
        "certificate",
    }  # fmt: skip
    columns = (
        Column(
            "Request",
            lambda row: link(f"{row.kind.capitalize()} {row.id}", "RequestView.show", pk=row.id, of=whose(row)),
        ),
        Column("Person", lambda row: row.name or row.address),
        Column("State", lambda row: badge(row.state, _KINDS.get(row.state, "busy"))),
        Column("Received", lambda row: moment(row.received_at)),
        Column("Due", due),
    )
    filters = (
        Filter("is", "State", (("open", "Open"), ("late", "Overdue"), ("over", "Over")), lambda value: _states(value)),
        Filter("kind", "Kind", tuple((each.value, each.value.capitalize()) for each in Kind),
               lambda value: SubjectRequest.kind == value),
    )  # fmt: skip
    form: ClassVar[Form] = (
        Field("kind", "What they ask for", FieldKind.CHOICE, is_required=True,
              choices=tuple((each.value, each.label) for each in Kind)),
        Field("scheme", "Kind of address", FieldKind.CHOICE, is_required=True, choices=tuple(SCHEME_TITLES.items())),
        Field("address", "Address we hold about them", is_required=True, high=320),
        Field("name", "Name", high=200),
        Field("received_on", "Received on", FieldKind.DATE, help="Empty: today. The month to answer in begins then."),
        Field("purpose", "For an objection: which messages", FieldKind.CHOICE, default="",
              choices=(("", "Every message"), *((each.value, each.value.capitalize()) for each in Purpose))),
        Field("message", "What they wrote", FieldKind.LONG_TEXT, high=2000),
        Field("proof", "How you made sure who asks", FieldKind.LONG_TEXT, high=500,
              help="What you looked at, and when; no copies of papers. Empty: a code is sent to the address."),
    )  # fmt: skip

    def form_url(self) -> str:
        """Return the public address of the form people fill in."""
        return links.form_url(None if self.is_across() else current.organisation_id())

    def select(self) -> Select[Any]:
        home = None if self.is_across() else current.organisation_id()
        return select(SubjectRequest).where(SubjectRequest.organisation_id.is_not_distinct_from(home))

    def search(self, words: str) -> ColumnElement[bool]:
        return func.lower(SubjectRequest.address) == words.lower()

    def find(self, work: Work, pk: str) -> Any:
        row = super().find(work, pk)
        if row.organisation_id != work.organisation:
            abort(404)
        return row

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        received = values["received_on"]
        now = work.clock()
        at = None if received is None else now.replace(year=received.year, month=received.month, day=received.day)
        if received is not None:
            rights.check_received(at or now, now)
        wanted = {"purpose": values["purpose"]} if values["kind"] == Kind.OBJECTION and values["purpose"] else {}
        row = intake.submit(work, Asked(
            values["kind"], values["scheme"], values["address"], values["name"] or "", values["message"] or "",
            wanted, "panel", at, values["proof"] or "",
        ))  # fmt: skip
        if row.state == State.RECEIVED:
            proof.send(work, row.id)
        return row

    def after_add(self, row_id: Any) -> str:
        return self._page_of(row_id)

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show a request with what is to be done next, and what is held about its person."""
        with self.work() as work:
            row = self.find(work, pk)
            id, is_planned = row.id, row.state in (State.VERIFIED, State.PLANNED)
        in_archives = planning.archived(current.the_house().work, id) if is_planned else 0
        with self.work() as work:
            row = self.find(work, pk)
            is_planned = is_planned and row.state in (State.VERIFIED, State.PLANNED)
            plan = planning.build(work, row, in_archives) if is_planned else None
            if plan is not None:
                intake.record(work, "subject_request.looked_at", row)
            waiting = four_eyes.waiting(work, intake.ACT, row.id)
            return self.render_template(
                self.show_template, view=self, row=row, kind=Kind(row.kind), state=State(row.state), plan=plan,
                waiting=waiting, is_late=is_late(row), may_write=self.may(WRITE), may_approve=self.may(APPROVE),
                corrections=corrections.offered(work, row, plan), package=handing.ready(work, row.id),
                has_changed=plan is not None and row.state == State.PLANNED and plan.digest != row.digest,
            )  # fmt: skip

    @expose("/verify/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def verify(self, pk: str) -> Any:
        """Record how it was made sure who asks."""
        said = request.form.get("proof", "")
        return self._do(pk, lambda work, id: intake.verify(work, id, said), "It is written down who asks.")

    @expose("/plan/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def plan(self, pk: str) -> Any:
        """Plan a request, and ask a second person where it needs one."""
        reason, is_urgent = request.form.get("reason", ""), "is_urgent" in request.form
        with self.work() as work:
            request_id = self.find(work, pk).id
        count = planning.archived(current.the_house().work, request_id)
        return self._do(
            pk, lambda work, id: planning.plan(work, id, count, reason, is_urgent=is_urgent),
            "The plan stands as you saw it.",
        )  # fmt: skip

    @expose("/correct/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def correct(self, pk: str) -> Any:
        """Write down what is to be corrected."""
        changes = corrections.typed()
        return self._do(pk, lambda work, id: correcting.propose(work, id, changes), "The corrections are noted.")

    @expose("/refuse/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def refuse(self, pk: str) -> Any:
        """Refuse a request, with the reason the person reads."""
        why = request.form.get("reason", "")
        return self._do(pk, lambda work, id: intake.refuse(work, id, why), "The request is refused.")

    @expose("/extend/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def extend(self, pk: str) -> Any:
        """Put the day off by which a request is answered."""
        why, months = request.form.get("reason", ""), request.form.get("months", 0, type=int)
        return self._do(
            pk, lambda work, id: intake.extend(work, id, months, why), "The person is told of the new date."
        )

    @expose("/withdraw/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def withdraw(self, pk: str) -> Any:
        """End a request because its person does not want it any more."""
        return self._do(pk, lambda work, id: intake.withdraw(work, id), "The request is withdrawn.")

    @expose("/again/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def again(self, pk: str) -> Any:
        """Make another copy where the first one was lost."""
        return self._do(pk, lambda work, id: handing.again(work, id), "Another copy is being made.")

    @expose("/hand_over/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def hand_over(self, pk: str) -> Any:
        """Show the link to a copy, once, for a person who gets no mail."""
        shown: list[str] = []
        self.act_on(pk, lambda work, id: shown.append(handing.fresh_link(work, id)))
        if shown:
            return self.render_template("pulse/request_link.html", view=self, pk=pk, address=shown[0])
        return redirect(self._page_of(pk))

    @expose("/certificate/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def certificate(self, pk: str) -> Any:
        """Return the signed certificate of a request, for people or (as=json) for machines."""
        with self.work() as work:
            row = self.find(work, pk)
            if row.certificate is None:
                abort(404)
            if request.args.get("as") == "json":
                return Response(
                    json.dumps(row.certificate, indent=1), mimetype="application/json",
                    headers={"Content-Disposition": f'attachment; filename="certificate-{row.id}.json"'},
                )  # fmt: skip
            return self.render_template(
                "pulse/certificate.html", view=self, row=row, facts=row.certificate["payload"], seal=row.certificate
            )

    def _page_of(self, pk: Any) -> str:
        return url_for("RequestView.show", pk=pk, of=self.kept().get("of"))

    def act_on(self, pk: str, verb: Any) -> bool:
        """Do something to one request, and flash what kept it from being done."""
        try:
            with self.work() as work:
                verb(work, self.find(work, pk).id)
        except Refused as refusal:
            for problem in refusal.problems:
                flash(problem, "danger")
            return False
        return True

    def _do(self, pk: str, verb: Any, done: str) -> Any:
        if self.act_on(pk, verb):
            flash(done, "success")
        return redirect(self._page_of(pk))

    def _title(self, row: Any) -> str:
        return f"{row.kind.capitalize()} request {row.id}"


def _states(value: str) -> ColumnElement[bool]:
    is_open = SubjectRequest.state.in_(_OPEN)
    if value == "late":
        return is_open & (SubjectRequest.due_at <= func.now())
    return is_open if value == "open" else ~is_open
