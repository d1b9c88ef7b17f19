"""Pages that show an organisation's rows or, for the platform's people, those that are nobody's or everybody's."""

from typing import Any, ClassVar

from flask import request

from .. import current
from .noun import NounView

PLATFORM = "platform"
"""What `of` says in an address where the platform's rows are meant."""


def whose(row: Any) -> str | None:
    """Return what a link to a row carries as `of`."""
    return PLATFORM if row.organisation_id is None else None


class AcrossView(NounView):
    """The base of pages with two sides: an organisation's, and the platform's by `of=platform`."""

    reason_across: ClassVar[str]
    """What the platform's side is opened for, as the wall between organisations writes it down."""

    def has_both(self) -> bool:
        """Return whether the reader may see the platform's side besides an organisation's."""
        return current.may_enter_any()

    def is_across(self) -> bool:
        """Return whether the platform's side is asked for, or there is no organisation to read of."""
        return self.has_both() and (request.args.get("of") == PLATFORM or current.organisation_id() is None)

    def kept(self) -> dict[str, str]:
        return {"of": PLATFORM} if self.is_across() else {}

    def work(self) -> Any:
        return current.platform_work(self.reason_across) if self.is_across() else current.work()
