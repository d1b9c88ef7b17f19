"""One's notices, what one wants by mail, and telling everybody something."""

from typing import Any, ClassVar

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_login import current_user

from ...core.domain.form import Field, Form, Kind
from ...core.errors import Refused
from ...core.services.notices import board, inbox, mail
from .. import current
from ..security.roles import READ, WRITE
from . import forms
from .cells import badge

LEVELS = {"alarm": ("alarm", "bad"), "warning": ("warning", "warn")}


def unread() -> int:
    """Return how many notices wait for the signed-in person, for the bell of the shell."""
    return inbox.unread(current.reading(), current_user.id)


def level_badge(level: str) -> Any:
    """Return how urgent a notice is, as a mark; nothing for the usual."""
    return badge(*LEVELS[level]) if level in LEVELS else ""


class NoticesView(BaseView):
    """What the signed-in person should know."""

    route_base = "/notices"
    class_permission_name = "Notices"
    default_view = "list"

    @expose("/", methods=["GET"])
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show one's notices, the newest first."""
        sort, only_unread = request.args.get("sort", ""), request.args.get("show") == "unread"
        before = request.args.get("before", type=forms.row_number)
        lines = inbox.page(current.reading(), current_user.id, before=before, only_unread=only_unread, sort=sort)
        shown = lines[: inbox.PAGE]
        return self.render_template(
            "pulse/notices.html", lines=shown, older=shown[-1].id if len(lines) > inbox.PAGE else None, sort=sort,
            sorts=inbox.SORTS, only_unread=only_unread, level_badge=level_badge, is_first=before is None,
        )  # fmt: skip

    @expose("/follow/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def follow(self, pk: str) -> Any:
        """Mark a notice as read and go where it leads."""
        try:
            notice_id = forms.row_number(pk)
        except ValueError:
            abort(404)
        with current.work() as work:
            found = inbox.find(work, current_user.id, notice_id)
            if found is None:
                abort(404)
            inbox.read(work, current_user.id, notice_id)
        is_within = found.link.startswith("/") and not found.link.startswith("//")
        return redirect(found.link if is_within else url_for("NoticesView.list"))

    @expose("/read", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def read(self) -> Any:
        """Mark everything as read."""
        with current.work() as work:
            inbox.read(work, current_user.id)
        return redirect(url_for("NoticesView.list"))

    @expose("/choices", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def choices(self) -> Any:
        """Show what one gets by mail, or change it."""
        with current.work() as work:
            must = inbox.administers(work, current_user.id)
            chosen = inbox.choices(work, current_user.id)
            shown = {name: getattr(chosen, name) for name in (*inbox.SORTS, "reminders")}
        form = _choices(must)
        if request.method == "GET":
            return self._choices_page(forms.sheet(form, shown), must)
        filled = forms.submitted(form)
        if not filled.errors:
            try:
                with current.work() as work:
                    inbox.choose(work, "each" if must else filled.values["alarms"], filled.values["updates"],
                                 filled.values["news"], filled.values["reminders"])  # fmt: skip
                flash("Saved.", "success")
                return redirect(url_for("NoticesView.choices"))
            except Refused as refusal:
                filled.refuse(refusal)
        return self._choices_page(filled, must), 422

    def _choices_page(self, sheet: forms.Sheet, must: bool) -> Any:
        return self.render_template("pulse/notice_choices.html", sheet=sheet, must=must, is_mail=mail.is_sent_here())


def _choices(must: bool) -> Form:
    modes = tuple(inbox.MODES.items())
    helps = {
        "alarms": "What needs somebody now.",
        "updates": "What changes or happens around your work here.",
        "news": "You need none of it.",
    }
    sorts = tuple(
        Field(name, label, Kind.CHOICE, choices=modes, default="never", help=helps[name])
        for name, label in inbox.SORTS.items()
        if not (must and name == "alarms")
    )
    told = "A second mail, some days before a change of the policy holds that you did not accept yet."
    return (*sorts, Field("reminders", "Reminders", Kind.CHOICE, choices=tuple(inbox.ONCE.items()), default="each",
                          help=told))  # fmt: skip


class AnnouncementView(BaseView):
    """Telling everybody something."""

    route_base = "/announcements"
    class_permission_name = "Announcements"
    default_view = "add"
    form: ClassVar[Form] = (
        Field("title", "Title", is_required=True, high=200),
        Field("body", "Text", Kind.LONG_TEXT, high=5000),
        Field("is_optional", "This is news or an offer that nobody needs", Kind.SWITCH,
              help="Then only those get it by mail who asked for such mail."),
    )  # fmt: skip

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self) -> Any:
        """Show an empty form, or tell everybody what was typed."""
        if request.method == "GET":
            return self.render_template("pulse/announcement.html", sheet=forms.sheet(self.form))
        filled = forms.submitted(self.form)
        if filled.errors:
            return self.render_template("pulse/announcement.html", sheet=filled), 422
        with current.platform_work("announce something") as work:
            board.announce(work, filled.values["title"], filled.values["body"] or "",
                           is_optional=bool(filled.values["is_optional"]))  # fmt: skip
        flash("Everybody is being told.", "success")
        return redirect(url_for("NoticesView.list"))
