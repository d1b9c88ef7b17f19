"""The operator's side of the policy: the draft, publishing it, and what is kept of people."""

import json
from typing import Any, ClassVar

from flask import Response, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name

from ...core.domain import policy_text
from ...core.domain.form import Field, Form, Kind
from ...core.errors import Refused
from ...core.services.notices import mail
from ...core.services.policy import acceptance, inventory, operator, promises, versions
from .. import current
from ..security.roles import READ, WRITE
from . import forms

_DRAFT: Form = (
    Field("source", "Text", Kind.LONG_TEXT, is_required=True, high=policy_text.LONGEST,
          help="Headings begin with # or a number like 1., items with a dash. **Bold** and [words](https://…) work; "
               "everything else is plain text. Dates and contact details are added when it is published."),
    Field("summary", "What changes, in a sentence or two", Kind.LONG_TEXT, high=1000,
          help="Everybody gets this by mail."),
    Field("revised_on", "Revision date", Kind.DATE, group="Dates", help="The day the text was last changed."),
    Field("effective_on", "Holds from", Kind.DATE, group="Dates",
          help="From this day on, whoever goes on using the platform accepts it."),
    Field("is_material", "It changes something that matters: everybody must accept it by a button", Kind.SWITCH,
          default=True, group="Dates"),
)  # fmt: skip

_OPERATOR: Form = (
    Field("legal_entity", "Legal entity", high=200, help="Like IISOL (Pvt.) Ltd."),
    Field("address", "Registered address", high=500),
    Field("email", "E-mail", high=320, group="Contact", help="Where questions and support requests arrive."),
    Field("phone", "Phone", high=60, group="Contact"),
    Field("postal", "Postal address", high=500, group="Contact"),
    Field("privacy_inbox", "Privacy inbox", high=320, group="Contact",
          help="Where people write about their own data."),
)  # fmt: skip


class PolicyView(BaseView):
    """The privacy policy, as its author sees it."""

    route_base = "/policy"
    class_permission_name = "Policy"
    default_view = "show"
    form: ClassVar[Form] = _DRAFT

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self) -> Any:
        """Show what holds, what is drafted, and what the draft lacks."""
        with current.platform_work("look after the policy") as work:
            draft, before = versions.draft(work), versions.newest(work)
            faults = promises.contradictions(work, draft.source) if draft else []
            text = versions.compose(draft, operator.facts(work)) if draft else ""
            listed = versions.published(work, 20)
            return self.render_template(
                "pulse/policy.html", has_mail=mail.is_sent_here(), draft=draft,
                holding=versions.in_force(work), today=work.clock().date(),
                problems=versions.problems(work, draft) if draft else [],
                contradictions={each.sentence: each for each in faults},
                blocks=policy_text.blocks(text),
                changes=policy_text.compare(before.text, text) if draft and before else [],
                versions=[(each, acceptance.count(work, each.digest or "")) for each in listed],
                may_write=current.may(WRITE, self.class_permission_name),
            )  # fmt: skip

    @expose("/begin", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def begin(self) -> Any:
        """Begin a draft."""
        with current.platform_work("look after the policy") as work:
            versions.begin(work)
        return redirect(url_for("PolicyView.edit"))

    @expose("/edit", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def edit(self) -> Any:
        """Show the draft's form, or change the draft to what was typed."""
        with current.platform_work("look after the policy") as work:
            draft = versions.draft(work)
            shown = {each.name: getattr(draft, each.name) for each in self.form} if draft else None
        if shown is None:
            return redirect(url_for("PolicyView.show"))
        if request.method == "GET":
            return self.render_template("pulse/policy_form.html", sheet=forms.sheet(self.form, shown))
        filled = forms.submitted(self.form)
        if not filled.errors:
            try:
                with current.platform_work("look after the policy") as work:
                    versions.change(work, filled.values)
                return redirect(url_for("PolicyView.show"))
            except Refused as refusal:
                filled.refuse(refusal)
        return self.render_template("pulse/policy_form.html", sheet=filled), 422

    @expose("/publish", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def publish(self) -> Any:
        """Publish the draft."""
        return self._do(versions.publish, "It is published. Everybody is being told.")

    @expose("/discard", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def discard(self) -> Any:
        """Throw the draft away."""
        return self._do(versions.discard, "The draft is gone.")

    def _do(self, verb: Any, done: str) -> Any:
        try:
            with current.platform_work("look after the policy") as work:
                verb(work)
        except Refused as refusal:
            for problem in refusal.problems:
                flash(problem, "danger")
        else:
            flash(done, "success")
        return redirect(url_for("PolicyView.show"))

    @expose("/inventory", methods=["GET"])
    @has_access
    @permission_name(READ)
    def inventory(self) -> Any:
        """Show what is kept of people, where, why and for how long; `format=json` for machines."""
        registry = current.the_house().registry
        lines = inventory.lines(registry)
        with current.platform_work("look at the inventory") as work:
            holding = versions.in_force(work)
            faults = inventory.unnamed(registry, holding.text) if holding else []
        if request.args.get("format") == "json":
            return _file([{**line._asdict(), "category": line.category, "uses": line.uses} for line in lines])
        gathered: dict[str, list[Any]] = {}
        for line in lines:
            gathered.setdefault(line.category, []).append(line)
        return self.render_template("pulse/inventory.html", gathered=gathered, faults=faults, holding=holding)


def _file(lines: list[dict[str, Any]]) -> Response:
    headers = {"Content-Disposition": "attachment; filename=inventory.json"}
    return Response(json.dumps({"personal_data": lines}, indent=2), mimetype="application/json", headers=headers)


class OperatorView(BaseView):
    """Who runs the platform."""

    route_base = "/operator"
    class_permission_name = "Operator"
    default_view = "edit"

    @expose("/", methods=["GET", "POST"])
    @has_access
    @permission_name(READ)
    def edit(self) -> Any:
        """Show the operator's facts, or change them."""
        may_write = current.may(WRITE, self.class_permission_name)
        if request.method == "GET" or not may_write:
            with current.platform_work("look at the operator's facts") as work:
                facts = operator.facts(work)
                shown = {each.name: getattr(facts, each.name) for each in _OPERATOR}
            return self._page(forms.sheet(_OPERATOR, shown), may_write), 200 if request.method == "GET" else 403
        filled = forms.submitted(_OPERATOR)
        if not filled.errors:
            try:
                with current.platform_work("change the operator's facts") as work:
                    operator.change(work, filled.values)
                flash("Saved. A published policy keeps the facts it was published with.", "success")
                return redirect(url_for("OperatorView.edit"))
            except Refused as refusal:
                filled.refuse(refusal)
        return self._page(filled, may_write), 422

    def _page(self, sheet: forms.Sheet, may_write: bool) -> Any:
        return self.render_template("pulse/operator.html", sheet=sheet, may_write=may_write)
