"""Templates with versions, and the senders they go out under."""

from datetime import date

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..base import BigId, CreatedAt, Json, Moment, Owned, Table


class Template(Owned, Table):
    """A named content of one channel. Its text lives in versions, which never change once written."""

    __tablename__ = "pulse_template"
    __table_args__ = (UniqueConstraint("organisation_id", "name"), UniqueConstraint("organisation_id", "id"))

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(120))
    channel: Mapped[str] = mapped_column(String(20))
    is_archived: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_at: Mapped[CreatedAt]
    versions: Mapped[list["TemplateVersion"]] = relationship(
        back_populates="template", order_by="TemplateVersion.number.desc()", passive_deletes=True
    )


class TemplateVersion(Owned, Table):
    """One frozen text. `approval` is the provider's word where a channel needs one, with its reason and category."""

    __tablename__ = "pulse_template_version"
    __table_args__ = (
        UniqueConstraint("template_id", "number"),
        Index(
            "ix_pulse_template_version_approval",
            "approval_reference",
            postgresql_where=text("approval_reference <> ''"),
        ),
        Index("ix_pulse_template_version_pending", "id", postgresql_where=text("approval = 'pending'")),
    )

    id: Mapped[BigId]
    template_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_template.id", ondelete="CASCADE"))
    number: Mapped[int]
    content: Mapped[Json]
    approval: Mapped[str] = mapped_column(String(20), default="not_needed", server_default="not_needed")
    approval_reference: Mapped[str] = mapped_column(String(120), default="", server_default="")
    approval_reason: Mapped[str] = mapped_column(String(300), default="", server_default="")
    category: Mapped[str] = mapped_column(String(40), default="", server_default="")
    created_by: Mapped[str] = mapped_column(String(200), default="", server_default="")
    created_at: Mapped[CreatedAt]
    template: Mapped[Template] = relationship(back_populates="versions", lazy="joined")

    def __repr__(self) -> str:
        return f"{self.template.name} (version {self.number})"


class TemplateReview(Owned, Table):
    """What one connection's provider says about a template version: `state` waiting, pending, approved or rejected.

    `due_at` is when it is submitted, or asked about again; `reference` the provider's name for it.
    """

    __tablename__ = "pulse_template_review"
    __table_args__ = (
        Index("ix_pulse_template_review_reference", "reference", postgresql_where=text("reference <> ''")),
        Index("ix_pulse_template_review_due", "due_at"),
    )

    version_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("pulse_template_version.id", ondelete="CASCADE"), primary_key=True
    )
    connection_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("pulse_connection.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(String(20), default="waiting", server_default="waiting")
    reference: Mapped[str] = mapped_column(String(120), default="", server_default="")
    reason: Mapped[str] = mapped_column(String(300), default="", server_default="")
    category: Mapped[str] = mapped_column(String(40), default="", server_default="")
    created_at: Mapped[CreatedAt]
    due_at: Mapped[Moment] = mapped_column(server_default=func.now())
    told_at: Mapped[Moment | None]


class Sender(Owned, Table):
    """What a message appears to come from: a mask, a number, an identity.

    `purposes` are those it is approved for; `approvals` lists each operator's word, as mappings with
    `operator`, `approved_on` and `valid_until`. `opt_out_hint` is the long code or phrase that belongs in
    promotional texts under it.
    """

    __tablename__ = "pulse_sender"
    __table_args__ = (UniqueConstraint("organisation_id", "channel", "value"), Index(None, "channel", "value"))

    id: Mapped[BigId]
    channel: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(String(320))
    purposes: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    approvals: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list, server_default="[]")
    valid_until: Mapped[date | None] = mapped_column(Date)
    opt_out_hint: Mapped[str] = mapped_column(String(120), default="", server_default="")
    is_active: Mapped[bool] = mapped_column(default=True, server_default="true")
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return self.value
