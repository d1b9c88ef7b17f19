"""Alembic's environment, shared by core and every plugin: one version table each, only its own tables."""

from typing import Any

from alembic import context

from connectpulse.core.storage import migrate
from connectpulse.core.storage.vault import Encrypted

component: str = context.config.attributes["component"]
connection = context.config.attributes["connection"]


def include_name(name: str | None, kind: str, parents: Any) -> bool:
    return kind != "table" or migrate.owner_of_name(name or "") == component


def include_object(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    return kind != "table" or reflected or migrate.owner(item) == component


def render_item(kind: str, item: Any, autogen_context: Any) -> Any:
    return "sa.LargeBinary()" if kind == "type" and isinstance(item, Encrypted) else False


context.configure(
    connection=connection,
    target_metadata=migrate.metadata,
    version_table=migrate.version_table(component),
    include_name=include_name,
    include_object=include_object,
    render_item=render_item,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
