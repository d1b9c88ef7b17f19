"""An act that needs two people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..services.work import Work


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of what an approval does: to what, what happens to it, and why; `count` where it can be counted."""

    on: str
    deed: str
    why: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Prospect:
    """What approving does, in words, as the one who decides reads it before.

    `notes` are sentences that must be read; `obstacle` says why an approval would be refused as things stand.
    """

    effects: tuple[Effect, ...]
    notes: tuple[str, ...] = ()
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done only after a second person said so; one asks for it with `four_eyes.ask`.

    `page` is the page of the panel whose approvers may decide. `perform` does it to the subject, with the
    decision's facts; `dismiss` tells the subject that it will not be done. `path` is where in the panel one sees
    what is decided about, with `{id}` for the subject.
    """

    name: str
    title: str
    page: str
    perform: "Callable[[Work, int, Mapping[str, Any]], None]"
    dismiss: "Callable[[Work, int, str], None] | None" = None
    path: str = ""
    explain: "Callable[[Work, int, Mapping[str, Any]], Prospect] | None" = None
