"""Canned answers: what agents insert instead of writing it again."""

from typing import Any, ClassVar

from sqlalchemy import ColumnElement, func

from ...core.domain.form import Field, Form, Kind
from ...core.services.conversations import answering, canned
from ...core.services.work import Work
from ...core.storage.models import CannedAnswer
from .cells import Column, link
from .channels import channel_title
from .dates import moment
from .forms import with_choices
from .noun import NounView


class CannedAnswerView(NounView):
    model = CannedAnswer
    noun, plural, icon = "Canned answer", "Canned answers", "fa-comment-dots"
    class_permission_name = "Canned answers"
    route_base = "/canned-answers"
    empty_hint = "A canned answer is a text you send again and again. In a conversation, type / to insert one."
    search_hint = "Title"
    columns = (
        Column("Title", lambda row: link(row.title, "CannedAnswerView.show", pk=row.id)),
        Column("Text", lambda row: row.body[:120]),
        Column("Channel", lambda row: channel_title(row.channel) if row.channel else "all"),
        Column("Made", lambda row: moment(row.created_at)),
    )
    form: ClassVar[Form] = (
        Field("title", "Title", is_required=True, high=120, help="What it is found by."),
        Field("channel", "Channel", Kind.CHOICE, help="Leave it open to offer the answer on all channels."),
        Field("body", "Text", Kind.LONG_TEXT, is_required=True, high=answering.LONGEST,
              help='{{ first_name }} or {{ name | default("friend") }} stands for a field of whoever is answered.'),
    )  # fmt: skip

    def search(self, words: str) -> ColumnElement[bool]:
        return func.lower(CannedAnswer.title).startswith(words.lower(), autoescape=True)

    def prepare(self, work: Work, form: Form, row: Any | None) -> Form:
        return with_choices(form, channel=[(name, each.title) for name, each in work.registry.channels.items()])

    def create(self, work: Work, values: dict[str, Any]) -> Any:
        return canned.create(work, values["title"], values["channel"] or "", values["body"])

    def change(self, work: Work, row: Any, values: dict[str, Any]) -> Any:
        return canned.change(work, row.id, values["title"], values["channel"] or "", values["body"])

    def remove(self, work: Work, row: Any) -> None:
        canned.remove(work, row.id)

    def details(self, work: Work, row: Any) -> list[tuple[str, Any]]:
        return [
            ("Text", row.body),
            ("Channel", channel_title(row.channel) if row.channel else "all"),
            ("Made", moment(row.created_at)),
        ]
