"""How lists of this version are paged, and how times are written in them."""

from datetime import UTC, datetime
from typing import Any

from flask import url_for

from ....core.domain.form import Field, Form, Kind

PAGE = 50
PAGES: Form = (
    Field("before", "Begin below this id", Kind.NUMBER, low=1, high=2**63 - 1, help="The `next` of the page before."),
    Field("limit", "Rows on a page", Kind.NUMBER, default=PAGE, low=1, high=200),
)
"""How every list is paged: by key, the newest first."""


def following(endpoint: str, rows: Any, asked: dict[str, Any]) -> str | None:
    """Return the address of the next page of `endpoint`; `rows` has one more than the page if there is one."""
    if len(rows) <= asked["limit"]:
        return None
    kept = {name: value for name, value in asked.items() if value is not None}
    return url_for(endpoint, **(kept | {"before": rows[asked["limit"] - 1].id}))


def moment(at: datetime | None) -> str | None:
    """Return a time as it is written in JSON: UTC, RFC 3339."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
