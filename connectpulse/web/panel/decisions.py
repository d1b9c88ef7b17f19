"""Decisions that wait for a second person, of every kind: what is asked, by whom and why, and a yes or no to it."""

from typing import Any, ClassVar

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_login import current_user
from sqlalchemy import ColumnElement, Select, or_, select

from ...core.errors import Refused
from ...core.services import four_eyes
from ...core.services.work import Work
from ...core.storage.models import Decision
from .. import current
from ..security.roles import APPROVE, READ
from .cells import Column, Filter, badge, link
from .dates import moment
from .noun import NounView

_DEEDS = {
    "erased": "bad",
    "kept": "ok",
    "anonymised": "warn",
    "changed": "warn",
    "copied": "busy",
    "restricted": "warn",
}
_KINDS = {"open": "warn", "approved": "ok", "refused": "bad"}


def may_decide(decision: Decision) -> bool:
    """Return whether the signed-in person may approve this kind of act and did not ask for it themselves."""
    act = current.the_house().registry.acts.get(decision.act)
    return act is not None and current.may(APPROVE, act.page) and decision.asked_by != current_user.id


class DecisionView(NounView):
    model = Decision
    noun, plural, icon = "Decision", "Decisions", "fa-scale-balanced"
    class_permission_name = "Decisions"
    route_base = "/decisions"
    can_add = can_edit = can_delete = False
    empty_hint = "Nothing waits for a second person. Acts that need two people appear here as soon as one asks."
    show_template = "pulse/decision.html"
    include_route_methods: ClassVar[set[str]] = {"list", "show", "approve", "refuse"}
    columns = (
        Column("What", lambda row: link(row.title, "DecisionView.show", pk=row.id)),
        Column("State", lambda row: badge(row.state, _KINDS.get(row.state, ""))),
        Column("Asked by", lambda row: row.asked_by_name),
        Column("Until", lambda row: moment(row.expires_at) if row.state == "open" else ""),
    )
    filters = (
        Filter("state", "State", (("open", "Waiting"), ("approved", "Approved"), ("refused", "Refused")),
               lambda value: Decision.state == value),
    )  # fmt: skip

    def is_across(self) -> bool:
        return current.may_enter_any()

    def work(self) -> Any:
        """Open work for the decisions one sees: the organisation's, and the platform's for those who run it."""
        return current.work()

    def select(self) -> Select[Any]:
        return select(Decision).where(_seen())

    def find(self, work: Work, pk: str) -> Any:
        row = super().find(work, pk)
        if row.organisation_id != current.organisation_id() and not (
            row.organisation_id is None and current.may_enter_any()
        ):
            abort(404)
        return row

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show what is to be decided, what it will do in words, and where to look at it."""
        with self._work_of(pk) as work:
            row = self.find(work, pk)
            act = work.registry.acts.get(row.act)
            path = act.path.format(id=row.subject_id) if act is not None and act.path else ""
            if path and row.organisation_id is None:
                path += "?of=platform"
            return self.render_template(
                self.show_template, view=self, row=row, act=act, path=path, may_decide=may_decide(row),
                is_mine=row.asked_by == current_user.id, prospect=four_eyes.prospect(work, row), marks=_DEEDS,
            )  # fmt: skip

    @expose("/approve/<pk>", methods=["POST"])
    @has_access
    @permission_name(READ)
    def approve(self, pk: str) -> Any:
        """Let an act be done, as the second person."""
        return self._decide(pk, lambda work, row: four_eyes.approve(work, row.id), "It is approved.")

    @expose("/refuse/<pk>", methods=["POST"])
    @has_access
    @permission_name(READ)
    def refuse(self, pk: str) -> Any:
        """Do not let an act be done; who asked takes it back the same way."""
        why = request.form.get("reason", "")
        return self._decide(pk, lambda work, row: four_eyes.refuse(work, row.id, why), "It is refused.", True)

    def _decide(self, pk: str, verb: Any, done: str, is_open_to_asker: bool = False) -> Any:
        try:
            with self._work_of(pk) as work:
                row = self.find(work, pk)
                if not (may_decide(row) or (is_open_to_asker and row.asked_by == current_user.id)):
                    abort(403)
                verb(work, row)
        except Refused as refusal:
            for problem in refusal.problems:
                flash(problem, "danger")
        else:
            flash(done, "success")
        return redirect(url_for("DecisionView.show", pk=pk))

    def _work_of(self, pk: str) -> Any:
        """Open work where the decision belongs: in the organisation, or on the platform."""
        with current.work() as work:
            is_platform = self.find(work, pk).organisation_id is None
        return current.platform_work("decide on the platform") if is_platform else current.work()


def _seen() -> ColumnElement[bool]:
    here = Decision.organisation_id == current.organisation_id()
    return or_(here, Decision.organisation_id.is_(None)) if current.may_enter_any() else here
