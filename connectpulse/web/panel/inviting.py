"""Pages whose "new" is an invitation: what was sent, the link where no mail goes out, and what still waits."""

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name

from ...core.errors import NotFound, Refused
from ...core.services.access import invitations
from ...core.services.notices import mail
from ...core.services.work import Work
from ...core.storage.models import Invitation
from .. import current
from ..security.roles import WRITE
from . import forms
from .noun import NounView


class InvitingView(NounView):
    """A list of people, to which one adds by inviting."""

    add_label = "Invite somebody"
    list_template = "pulse/people.html"

    def offer(self, work: Work, values: dict[str, Any]) -> str:
        """Invite somebody as the form says; return the link."""
        site = current.the_house().settings.public_url.rstrip("/")
        return invitations.offer(
            work, site, values["email"], values["first_name"] or "", values["last_name"] or "", values["role"]
        )

    def waiting(self) -> list[Invitation]:
        """Return the invitations nobody has answered yet."""
        with self.work() as work:
            return invitations.waiting(work)

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self) -> Any:
        """Show the form of an invitation, or send it."""
        with self.work() as work:
            form = self.prepare(work, self.form, None)
        if request.method == "GET":
            return self._form_page(forms.sheet(form), self.add_label)
        filled = forms.submitted(form)
        if not filled.errors:
            try:
                with self.work() as work:
                    link = self.offer(work, filled.values)
                return self.show_once("Invitation", link, filled.values["email"], "It works once, for seven days.")
            except Refused as refusal:
                filled.refuse(refusal)
        return self._form_page(filled, self.add_label, 422)

    @expose("/withdraw/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def withdraw(self, pk: str) -> Any:
        """Take an invitation back."""
        try:
            with self.work() as work:
                number = forms.row_number(pk)
                row = work.session.get(Invitation, number)
                if row is None or row.organisation_id != work.organisation:
                    abort(404)
                invitations.withdraw(work, number)
            flash("The invitation is withdrawn.", "success")
        except ValueError:
            abort(404)
        except NotFound:
            flash("This invitation is over already.", "danger")
        return redirect(url_for(f"{type(self).__name__}.list"))

    def show_once(self, title: str, link: str, recipient: str, meaning: str, back: str = "") -> Any:
        """Show that a link was mailed, or the link itself, this once."""
        return self.render_template(
            "pulse/link_once.html", title=title, address=link, recipient=recipient, meaning=meaning,
            is_mailed=mail.is_sent_here(), back=back or url_for(f"{type(self).__name__}.list"), back_label=self.plural,
        )  # fmt: skip
