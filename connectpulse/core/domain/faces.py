"""What a plugin shows and watches: its pages, health, reports, figures, and ways to pay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .form import Form

if TYPE_CHECKING:
    from ..services.work import Work


@dataclass(frozen=True, slots=True)
class View:
    """A page of a plugin: a FAB view class with its place in the menu; without a `label` it has none.

    `may` names the roles that may do what on it, by verb: `read`, `write`, `approve` or another that its methods
    name with `permission_name`. Several classes of one `class_permission_name` are one page, and their lines are
    added up; the auditor of the platform reads each. A page without `may` is read by whoever reads plugins' pages
    and changed by the administrators of organisations.
    """

    cls: type[Any]
    label: str
    category: str = ""
    icon: str = "fa-circle"
    may: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of one health check: fine or not, and the sentence for the operator."""

    name: str
    is_healthy: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    name: str
    check: Callable[["Work"], Health]


@dataclass(frozen=True, slots=True)
class RestoreCheck:
    """Something that must hold in a database that was restored, like sums that agree.

    `check` reads and changes nothing. It may take as long as it needs: it runs in drills and after a restore.
    """

    name: str
    check: Callable[["Work"], Health]


@dataclass(frozen=True, slots=True)
class Report:
    """A named table for the reports page: `rows` yields at most `limit` rows, newest first."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Callable[["Work", int], Sequence[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Card:
    """A figure on the home page: `value` returns the text to show, None to leave the card out."""

    name: str
    title: str
    value: Callable[["Work"], str | None]
    icon: str = "fa-circle"


@dataclass(frozen=True, slots=True)
class PaymentGateway:
    """A way to pay, declared by a billing plugin; `build` makes it from its typed settings."""

    name: str
    title: str
    settings: Form
    build: Callable[[Mapping[str, Any]], Any] = field(repr=False)
