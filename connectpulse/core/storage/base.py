"""The declarative base that our tables and Flask-AppBuilder's share, and the columns they have in common."""

from datetime import datetime
from typing import Annotated, Any

from flask_appbuilder.models.sqla import Base as _FabBase
from flask_appbuilder.models.sqla import Model
from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

# Must be set before any table is declared: migrations drop constraints by these names.
_FabBase.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

import flask_appbuilder.security.sqla.models  # noqa: E402, F401 - declares the account tables

metadata = Model.metadata

BigId = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Json = Annotated[dict[str, Any], mapped_column(JSONB, default=dict, server_default="{}")]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
CreatedAt = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now(), nullable=False)]


class Table(Model):
    """Base of every table of ours. `owner` in `info` names the plugin a table belongs to; core by default."""

    __abstract__ = True
    __table_args__: Any = ()

    def __repr__(self) -> str:
        name = getattr(self, "name", None)
        return str(name) if name else f"{type(self).__name__} {getattr(self, 'id', '')}".strip()


class Owned:
    """Mixin of every table whose rows belong to one organisation. The tenant guard filters by it."""

    @declared_attr
    def organisation_id(cls) -> Mapped[int]:
        # The history is kept so that the guard sees whose a row was, even one that must be loaded again for it.
        return mapped_column(
            BigInteger,
            ForeignKey("pulse_organisation.id", ondelete="CASCADE"),
            nullable=False,
            index=False,
            active_history=True,
        )


class OwnedApart(Owned):
    """`Owned` without a foreign key: for high-volume tables and logs, whose rows outlive what they name."""

    @declared_attr
    def organisation_id(cls) -> Mapped[int]:
        return mapped_column(BigInteger, nullable=False, active_history=True)
