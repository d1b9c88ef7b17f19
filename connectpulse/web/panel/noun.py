"""The base of the panel's pages: Flask-AppBuilder's view, hardened.

Lists page by key, never by offset, and count no further than `MOST_COUNTED`. Every row is found through the
tenant guard. State changes are POST with a CSRF token. Nothing in a query string can make a page fail.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import ModelView, expose
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.security.decorators import has_access, permission_name
from sqlalchemy import ColumnElement, Select, func, select

from ...core.domain.form import Form
from ...core.errors import NotFound, Refused
from ...core.services import records
from ...core.services.work import Work
from .. import current
from ..security.roles import READ, WRITE
from . import forms
from .cells import Column, Filter, Line, Removal
from .forms import Sheet

PAGE = 25
MOST_COUNTED = 10_000


class Nothing(DynamicForm):
    """A form without fields."""


class NounView(ModelView):
    """List, show, add, edit and delete one noun. Subclasses say what is shown and which services are called."""

    noun: ClassVar[str]
    plural: ClassVar[str]
    counted: ClassVar[str] = ""
    icon: ClassVar[str] = "fa-circle"
    empty_hint: ClassVar[str] = ""
    form: ClassVar[Form] = ()
    columns: ClassVar[Sequence[Column]] = ()
    filters: ClassVar[Sequence[Filter]] = ()
    search_hint: ClassVar[str] = ""
    is_platform: ClassVar[bool] = False
    is_always_searched: ClassVar[bool] = False
    can_add: ClassVar[bool] = True
    can_edit: ClassVar[bool] = True
    can_delete: ClassVar[bool] = True
    has_page: ClassVar[bool] = False
    """Whether a row has a page worth coming back to from its form, instead of the list."""
    removal: ClassVar[Removal] = Removal()
    add_label: ClassVar[str] = ""

    search_form = add_form = edit_form = Nothing  # FAB would convert every model into forms and filters of its own
    search_columns: ClassVar[Sequence[str]] = ["id"]
    default_view = "list"
    include_route_methods: ClassVar[set[str]] = {"list", "show", "add", "edit", "delete", "lookup"}
    list_template = "pulse/list.html"
    show_template = "pulse/show.html"
    add_template = edit_template = "pulse/form.html"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "model" in vars(cls):
            cls.datamodel = SQLAInterface(cls.model)

    # --- what subclasses say

    def work(self) -> Any:
        """Open the unit of work of this page."""
        if self.is_platform:
            return current.platform_work(f"manage {self.plural.lower()}")
        return current.work()

    def later(self) -> Callable[[], AbstractContextManager[Work]]:
        """Return how to open units of work of this page once its answer has begun, for files that are streamed."""
        return current.later_work(f"manage {self.plural.lower()}" if self.is_platform else "")

    def told(self, work: Work) -> str:
        """Return a sentence that stands above the list, like how much of it is allowed; empty for none."""
        return ""

    def is_across(self) -> bool:
        """Return whether the page is of the platform, and needs no organisation."""
        return self.is_platform

    def kept(self) -> dict[str, str]:
        """Return what links within the page carry on in their query."""
        return {}

    def is_narrowed(self) -> bool:
        """Return whether the page narrows its list by more than words and the choices above it."""
        return False

    def senseless(self) -> dict[str, str]:
        """Return what makes no sense in the search, by the name of its field."""
        return {}

    def unknown_names(self) -> dict[str, str]:
        """Return which words of a search that found nothing are of nobody and nothing, by the name of their field."""
        return {}

    def offered(self) -> Sequence[Filter]:
        """Return the choices above the list."""
        return self.filters

    def select(self) -> Select[Any]:
        """Return the statement all rows of the list come from."""
        return select(self.model)

    def search(self, words: str) -> ColumnElement[bool]:
        """Return what a search selects; must be answered by an index."""
        column = self.model.name
        return func.lower(column).startswith(words.lower(), autoescape=True)

    def values(self, work: Work, row: Any) -> dict[str, Any]:
        """Return what the form shows of a row."""
        return {each.name: getattr(row, each.name) for each in self.form if hasattr(row, each.name)}

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        """Return the form with what can be chosen now."""
        return form

    def new_title(self) -> str:
        """Return what stands above the form of a new row."""
        return f"New {self.noun.lower()}"

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        """Make a row of what was typed."""
        raise Refused(f"{self.plural} cannot be added here.")

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        """Change a row to what was typed."""
        raise Refused(f"{self.plural} cannot be changed here.")

    def may_change(self, row: Any) -> bool:
        """Return whether a row is one that can be changed and deleted now: its line in the list offers it then."""
        return True

    def remove(self, work: Work, row: Any) -> None:
        """Delete a row."""
        raise Refused(f"{self.plural} cannot be deleted here.")

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        """Return what the page of one row shows, as labels and values."""
        return [(column.label, column.show(row)) for column in self.columns]

    # --- pages

    @expose("/list/")
    @has_access
    @permission_name(READ)
    def list(self) -> Any:
        """Show a page of rows, the newest first."""
        if not self.is_across() and current.organisation_id() is None:
            return self.render_template("pulse/no_organisation.html")
        words = forms.search_words()
        with self.work() as work:
            statement = self._narrowed(words)
            rows, older = self._page(work, statement)
            count = self._count(work, statement)
            told = self.told(work)
            lines = [
                Line(row.id, self._title(row), [column.show(row) for column in self.columns], self.may_change(row))
                for row in rows
            ]
        return self.render_template(
            self.list_template, view=self, lines=lines, older=older, count=count, most=MOST_COUNTED,
            told=told, words=words, chosen=self._chosen(), is_first=not request.args.get("before"),
            may_write=self.may(WRITE),
        )  # fmt: skip

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    @permission_name(READ)
    def show(self, pk: str) -> Any:
        """Show one row."""
        with self.work() as work:
            row = self.find(work, pk)
            details = self.details(work, row)
            title = self._title(row)
        return self.render_template(
            self.show_template, view=self, pk=row.id, row_title=title, details=details, may_write=self.may(WRITE)
        )

    @expose("/add", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def add(self) -> Any:
        """Show an empty form, or make a row of what was typed."""
        if not self.can_add:
            abort(404)
        with self.work() as work:
            form = self.prepare(work, self.form, None)
        if request.method == "GET":
            return self._form_page(forms.sheet(form, self.preset()), self.new_title())
        filled = forms.submitted(form)
        done = filled.errors == {} and self._try(filled, lambda work: self.create(work, filled.values))
        if done:
            flash(f"The {self.noun.lower()} was added.", "success")
            return redirect(self.after_add(done))
        return self._form_page(filled, self.new_title(), 422)

    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    @permission_name(WRITE)
    def edit(self, pk: str) -> Any:
        """Show a row's form, or change the row to what was typed."""
        if not self.can_edit:
            abort(404)
        with self.work() as work:
            row = self.find(work, pk)
            form, values, title = self.prepare(work, self.form, row), self.values(work, row), self._title(row)
        if request.method == "GET":
            return self._form_page(forms.sheet(form, values), f"Change {title}", pk=pk)
        filled = forms.submitted(form)
        done = filled.errors == {} and self._try(
            filled, lambda work: self.change(work, self.find(work, pk), filled.values)
        )
        if done:
            flash(f"The {self.noun.lower()} was changed.", "success")
            return redirect(self.after_edit(pk))
        return self._form_page(filled, f"Change {title}", 422, pk=pk)

    @expose("/delete/<pk>", methods=["POST"])
    @has_access
    @permission_name(WRITE)
    def delete(self, pk: str) -> Any:
        """Delete a row."""
        if not self.can_delete:
            abort(404)
        self.act(
            lambda work: self.remove(work, self.find(work, pk)), f"The {self.noun.lower()} was {self.removal.done}."
        )
        return redirect(url_for(f"{type(self).__name__}.list"))

    @expose("/lookup", methods=["GET"])
    @has_access
    @permission_name(READ)
    def lookup(self) -> Any:
        """Return rows whose name begins with `q`, for choosing one in a form."""
        words = forms.search_words()
        with self.work() as work:
            statement = self.select().order_by(self.model.id.desc()).limit(20)
            if words:
                statement = statement.where(self.search(words))
            rows = work.session.scalars(statement).unique().all()
            return {"results": [{"value": row.id, "text": self.option(row)} for row in rows]}

    # --- how they work

    def narrowed(self) -> Select[Any]:
        """Return the statement of the list as the query narrows it, for a file of the same rows."""
        return self._narrowed(forms.search_words())

    def option(self, row: Any) -> str:
        """Return how a row is called in a choice."""
        return str(row)

    def preset(self) -> dict[str, Any]:
        """Return what an empty form begins with."""
        return {}

    def after_add(self, row_id: Any) -> str:
        """Return where to go after a row was added."""
        return self.given_up(row_id)[0]

    def after_edit(self, pk: str) -> str:
        """Return where to go after a row was changed."""
        return self.given_up(pk)[0]

    def given_up(self, pk: str | None) -> tuple[str, str]:
        """Return where a form leads that is given up, and what that place is called."""
        if self.has_page and pk is not None:
            return url_for(f"{type(self).__name__}.show", pk=pk), self.noun
        return url_for(f"{type(self).__name__}.list"), self.plural

    def may(self, verb: str) -> bool:
        """Return whether the signed-in person may do `verb` here."""
        return current.may(verb, self.class_permission_name)

    def find(self, work: Work, pk: str) -> Any:
        """Return the row of a URL; 404 if there is none for this organisation."""
        try:
            return records.find(work, self.model, forms.row_number(pk))
        except (ValueError, NotFound):
            abort(404)

    def act(self, verb: Callable[[Work], Any], done: str) -> bool:
        """Do something in one unit of work, and say how it went."""
        try:
            with self.work() as work:
                verb(work)
        except Refused as refusal:
            for problem in refusal.problems:
                flash(problem, "danger")
            return False
        flash(done, "success")
        return True

    def _try(self, filled: Sheet, verb: Callable[[Work], Any]) -> Any:
        try:
            with self.work() as work:
                row = verb(work)
                work.session.flush()
                return getattr(row, "id", True)
        except Refused as refusal:
            filled.refuse(refusal)
            return None

    def _form_page(self, sheet: Sheet, heading: str, status: int = 200, pk: str | None = None) -> Any:
        template = self.edit_template if pk is not None else self.add_template
        with self.work() as work:
            forms.name_picked(work, sheet)
        return self.render_template(template, view=self, sheet=sheet, heading=heading, pk=pk), status

    def _title(self, row: Any) -> str:
        return str(row)

    def _chosen(self) -> dict[str, str]:
        """Return the filters in use, as far as they are ours and their values exist."""
        chosen = {}
        for each in self.offered():
            value = request.args.get(each.name, "")
            if value in {choice for choice, _ in each.choices}:
                chosen[each.name] = value
        return chosen

    def _narrowed(self, words: str) -> Select[Any]:
        statement = self.select()
        if words and self.search_hint:
            statement = statement.where(self.search(words))
        chosen = self._chosen()
        for each in self.offered():
            if each.name in chosen:
                statement = statement.where(each.where(chosen[each.name]))
        return statement

    def _page(self, work: Work, statement: Select[Any]) -> tuple[Sequence[Any], int | None]:
        before = request.args.get("before", type=forms.row_number)
        if before is not None:
            statement = statement.where(self.model.id < before)
        rows = work.session.scalars(statement.order_by(self.model.id.desc()).limit(PAGE + 1)).unique().all()
        return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None

    def _count(self, work: Work, statement: Select[Any]) -> int:
        counted = statement.with_only_columns(self.model.id).order_by(None).limit(MOST_COUNTED + 1).subquery()
        return work.session.scalar(select(func.count()).select_from(counted)) or 0
