"""The inbox: conversations with people who write back, and answering them."""

from collections.abc import Sequence
from typing import Any

from flask import abort, flash, make_response, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_login import current_user

from ...core.domain.form import Field, Form, Kind
from ...core.errors import NotFound, Refused
from ...core.services import records
from ...core.services.conversations import answering, by_template, canned, listing, talk, threads, ways
from ...core.services.conversations.answering import Draft
from ...core.services.conversations.by_template import Choice
from ...core.services.work import Work
from ...core.storage.models import Contact, Thread
from .. import current
from ..headers import framed
from ..security.roles import READ, WRITE, allows
from . import forms
from .cells import badge
from .channels import channel_title
from .messages import message_badge

PAGE = "Inbox"
_ANSWER: Form = (
    *answering.FORM,
    Field("way", "To", high=400),
    Field("sender", "As", high=320),
    Field("seen", "Read up to", Kind.NUMBER, low=0, high=2**63 - 1),
    Field("closes", "Done with it", Kind.SWITCH),
)
_TEMPLATE: Form = (
    Field("template_id", "Template", Kind.PICK, is_required=True),
    Field("version", "Version", Kind.NUMBER, low=0, high=2**63 - 1),
    *_ANSWER[1:],
)


def unread() -> int:
    """Return how many conversations wait unread, for the menu; 0 for who may not see them."""
    if current.organisation_id() is None or not current.may(READ, PAGE):
        return 0
    return listing.unread(current.reading())


class InboxView(BaseView):
    route_base = "/inbox"
    class_permission_name = PAGE
    default_view = "list"

    # --- reading

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show the conversations of a view, the last one first."""
        return self._listed("pulse/inbox.html")

    @expose("/live", methods=["GET"])
    @has_access
    @permission_name(READ)
    def live(self) -> Any:
        """Return the list as it is now."""
        return self._listed("pulse/_inbox.html")

    def _listed(self, template: str) -> Any:
        if current.organisation_id() is None:
            return self.render_template("pulse/no_organisation.html")
        view = request.args.get("view", "")
        view = view if view in listing.VIEWS else next(iter(listing.VIEWS))
        words, before = forms.search_words(320), request.args.get("before", type=forms.row_number)
        with current.work() as work:
            page = listing.page(work, view, words=words, before=before)
            return self.render_template(
                template, page=page, view=view, views=listing.VIEWS, words=words, is_first=before is None,
                badge=badge, channels=work.registry.channels,
            )  # fmt: skip

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show a conversation, and the box to answer in."""
        with current.work() as work:
            return self._conversation(work, _find(work, pk), forms.sheet(_ANSWER))

    @expose("/talk/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def talk(self, pk: str) -> Any:
        """Return what was said last, as it is now."""
        with current.work() as work:
            thread = _find(work, pk)
            said = talk.page(work, threads.party(work, thread))
            return self.render_template(
                "pulse/_talk.html", thread=thread, said=said, is_first=True, **self._words(work)
            )

    @expose("/contact/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def contact(self, pk: str) -> Any:
        """Show what was said with a contact; where there is a conversation, go there."""
        with current.work() as work:
            contact = _contact(work, pk)
            thread = threads.of_contact(work, contact)
            if thread is not None:
                return redirect(url_for("InboxView.show", pk=thread.id))
            party, before = threads.party_of(contact), request.args.get("before", type=forms.row_number)
            return self.render_template(
                "pulse/conversation_before.html", party=party, said=talk.page(work, party, before), thread=None,
                is_first=before is None, may_write=current.may(WRITE, PAGE), **self._words(work),
            )  # fmt: skip

    def _conversation(
        self, work: Work, thread: Thread, sheet: forms.Sheet, status: int = 200, chosen: Choice | None = None
    ) -> Any:
        party, before = threads.party(work, thread), request.args.get("before", type=forms.row_number)
        may_write, is_first = current.may(WRITE, PAGE), before is None
        is_answerable = may_write and is_first
        offered = ways.found(work, thread, party) if is_answerable else []
        page = self.render_template(
            "pulse/conversation.html", thread=thread, party=party, said=talk.page(work, party, before), sheet=sheet,
            is_first=is_first, may_write=may_write, ways=offered, members=_agents(work) if may_write else [],
            canned=canned.offered(work, party) if is_answerable else [], me=current_user.id,
            reached=ways.channels(work, party) if is_answerable else [], chosen=chosen,
            has_templates=is_answerable and bool(by_template.offered(work, party)), look=_look(work, thread, chosen)[0],
            assignee=threads.name_of(work, thread.assigned_to), longest=answering.LONGEST, **self._words(work),
        )  # fmt: skip
        return page, status

    def _words(self, work: Work) -> dict[str, Any]:
        return {
            "badge": badge, "message_badge": message_badge, "channel_title": channel_title,
            "channels": work.registry.channels,
        }  # fmt: skip

    # --- answering

    @expose("/preview/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def preview(self, pk: str) -> Any:
        """Return what an answer would be and cost, while it is being written."""
        with current.work() as work:
            found = answering.look(work, _find(work, pk).id, _draft(forms.typed(_ANSWER)))
            return self.render_template("pulse/_preview.html", preview=found.preview, faults=found.faults)

    @expose("/answer/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def answer(self, pk: str) -> Any:
        """Send an answer, or show why it was not sent, with what was written."""
        filled = forms.submitted(_ANSWER)
        if not filled.errors:
            try:
                with current.work() as work:
                    closes = bool(filled.values["closes"])
                    answering.answer(work, _find(work, pk).id, _draft(filled.values), closes=closes)
                flash("The answer is on its way.", "success")
                return redirect(url_for("InboxView.list" if closes else "InboxView.show", pk=None if closes else pk))
            except Refused as refusal:
                filled.refuse(refusal)
        with current.work() as work:
            return self._conversation(work, _find(work, pk), filled, 422)

    # --- templates

    @expose("/lookup/<pk>", methods=["GET"])
    @has_access
    @permission_name(WRITE)
    def lookup(self, pk: str) -> Any:
        """Return templates whose name begins with `q` and that this person has an address for."""
        with current.work() as work:
            party = threads.party(work, _find(work, pk))
            found = by_template.offered(work, party, forms.search_words())
            return {"results": [{"value": each.id, "text": _option(each)} for each in found]}

    @expose("/template/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def template(self, pk: str) -> Any:
        """Return how a template looks for this person, what it costs, and what keeps it from being sent."""
        with current.work() as work:
            thread = _find(work, pk)
            found, refusals = _look(work, thread, _choice(forms.typed(_TEMPLATE)))
            return self.render_template("pulse/_template_look.html", thread=thread, look=found, refusals=refusals)

    @expose("/shown/<pk>", methods=["GET"])
    @has_access
    @permission_name(WRITE)
    def shown(self, pk: str) -> Any:
        """Return a template as this person will see it, as a document for a frame."""
        template_id, looks = request.args.get("template", type=forms.row_number), ""
        with current.work() as work:
            thread = _find(work, pk)
            try:
                looks = by_template.document(work, thread.id, template_id) if template_id else ""
            except Refused:
                abort(404)
        return framed(make_response(looks))

    @expose("/send/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def send(self, pk: str) -> Any:
        """Send a template, or show why it was not sent, with what was chosen."""
        filled = forms.submitted(_TEMPLATE)
        chosen = _choice(filled.values)
        if not filled.errors:
            try:
                with current.work() as work:
                    closes = bool(filled.values["closes"])
                    by_template.send(work, _find(work, pk).id, chosen, closes=closes)
                flash("The template is on its way.", "success")
                return redirect(url_for("InboxView.list" if closes else "InboxView.show", pk=None if closes else pk))
            except Refused as refusal:
                filled.refuse(refusal)
        problems = [*filled.problems, *filled.errors.values()]
        with current.work() as work:
            return self._conversation(work, _find(work, pk), _unsent(problems), 422, chosen)

    @expose("/begin/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def begin(self, pk: str) -> Any:
        """Begin a conversation with a contact who never wrote."""
        try:
            with current.work() as work:
                thread_id = threads.begin(work, _contact(work, pk).id).id
        except Refused as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("InboxView.contact", pk=pk))
        return redirect(url_for("InboxView.show", pk=thread_id))

    # --- the work on it

    @expose("/see/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def see(self, pk: str) -> Any:
        """Note that a conversation was looked at; its page says so by itself."""
        with current.work() as work:
            threads.see(work, _find(work, pk).id)
        return "", 204

    @expose("/assign/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def assign(self, pk: str) -> Any:
        """Give a conversation to a colleague, to oneself or to nobody."""
        to, was = (request.form.get(name, type=int) or None for name in ("member", "was"))

        def give(work: Work) -> None:
            if to is not None and to not in {each.user_id for each in _agents(work)}:
                raise Refused("Choose somebody who may answer.")
            threads.assign(work, _find(work, pk).id, to, was)

        return _act(pk, give, "Assigned." if to else "This conversation is nobody's now.")

    @expose("/done/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def done(self, pk: str) -> Any:
        """Mark a conversation as done."""
        seen = request.form.get("seen", type=forms.row_number)
        return _act(pk, lambda work: threads.finish(work, _find(work, pk).id, seen), "Done.")

    @expose("/reopen/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def reopen(self, pk: str) -> Any:
        """Take a conversation up again."""
        return _act(pk, lambda work: threads.reopen(work, _find(work, pk).id), "The conversation is open again.")


def _act(pk: str, verb: Any, done: str) -> Any:
    try:
        with current.work() as work:
            verb(work)
    except Refused as refusal:
        flash(str(refusal), "danger")
    else:
        flash(done, "success")
    return redirect(url_for("InboxView.show", pk=pk))


def _draft(values: dict[str, Any]) -> Draft:
    seen = values.get("seen")
    return Draft(
        values.get("text") or "", values.get("way") or "", values.get("sender") or "",
        seen if isinstance(seen, int) else None,
    )  # fmt: skip


def _choice(values: dict[str, Any]) -> Choice:
    template_id, version, seen = (_number(values.get(name)) for name in ("template_id", "version", "seen"))
    return Choice(template_id or 0, version or 0, values.get("way") or "", values.get("sender") or "", seen)


def _number(typed: Any) -> int | None:
    try:
        return forms.row_number(typed)
    except (TypeError, ValueError):
        return None


def _look(work: Work, thread: Thread, chosen: Choice | None) -> tuple[by_template.Look | None, Sequence[str]]:
    """Return how what was chosen looks, None where nothing was; and why that cannot be chosen."""
    if chosen is None or not chosen.template_id:
        return None, ()
    try:
        return by_template.look(work, thread.id, chosen), ()
    except Refused as refusal:
        return None, refusal.problems


def _unsent(problems: Sequence[str]) -> forms.Sheet:
    """Return the answer's form as it is at first, with what kept a template from being sent."""
    sheet = forms.sheet(_ANSWER)
    sheet.problems = list(problems)
    return sheet


def _option(offer: by_template.Offer) -> str:
    state = "" if offer.is_ready else ", not approved yet"
    return f"{offer.name} ({channel_title(offer.channel)}{state})"


def _agents(work: Work) -> Any:
    """Return the members whose role may answer."""
    given = current.the_rights()
    return [each for each in threads.members(work) if allows(frozenset({each.role}), WRITE, PAGE, given)]


def _find(work: Work, pk: str) -> Thread:
    try:
        return threads.find(work, forms.row_number(pk))
    except (ValueError, NotFound):
        abort(404)


def _contact(work: Work, pk: str) -> Contact:
    try:
        return records.find(work, Contact, forms.row_number(pk))
    except (ValueError, NotFound):
        abort(404)
