"""What happens to a record when it has served its purpose, and to a person's data on request."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .personal import Personal

if TYPE_CHECKING:
    from ..services.work import Work


class Then(StrEnum):
    """What is done with rows whose time is over."""

    PURGE = "purge"
    ARCHIVE = "archive"
    ANONYMISE = "anonymise"


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """How long the rows of one table are kept, and why.

    `model` is the mapped class; `age_column` names the timestamp (or time-ordered id) a row's age is
    counted from; `keep` None means for as long as its owner exists. `personal_columns` are the columns
    that can identify a person; the rule is the declaration that erasure and archives rely on.
    `final_only` is an SQL condition that rows must meet before they may go, so that nothing unsent is
    ever purged. `kinds` says which kind of personal data a personal column holds, where its name does not
    tell: a column of no kind the privacy policy names is refused.

    `parent` is for rows that carry no time: `age_column` then names the parent's id, and a row goes once
    `keep` is over for its parent, counted and checked as the parent's own rule says. `least` and `most` are
    the bounds within which an organisation or the platform may choose another time; without them nobody may.
    `statute` names the law that wants a record kept: it then outlasts the account it tells of.
    `whole_only` True lets rows go with their partition only, for tables in which nothing may be deleted;
    `before_drop` is then called, in the transaction that drops it, with the id below which all rows go.
    `title` is what people call the records, like `Messages`; without it the table's name in words.
    """

    model: type[Any]
    age_column: str
    keep: timedelta | None
    then: Then
    purpose: str
    personal_columns: tuple[str, ...] = ()
    final_only: str | None = None
    kinds: Mapping[str, Personal] = field(default_factory=dict)
    parent: type[Any] | None = None
    least: timedelta | None = None
    most: timedelta | None = None
    statute: str = ""
    whole_only: bool = False
    before_drop: Callable[["Work", int], Any] | None = None
    title: str = ""

    @property
    def table(self) -> str:
        """The name of the table this rule is about."""
        name: str = self.model.__tablename__
        return name

    @property
    def called(self) -> str:
        """What people call the records: the rule's title, or the table's name in words."""
        return self.title or self.table.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Subject:
    """A person, as far as we know them: every address and account that is theirs.

    `names` is what rows say of whoever made them: the full name of the account. `requests`, `memberships` and
    `homes` are the numbers of their requests about their data, of their places in organisations, and of these
    organisations; `username` is what the account signs in with. Archives are asked by them: a file has no other
    table beside it.
    """

    organisation_id: int | None
    addresses: tuple[tuple[str, str], ...] = ()
    contact_ids: tuple[int, ...] = ()
    user_id: int | None = None
    names: tuple[str, ...] = ()
    requests: tuple[int, ...] = ()
    memberships: tuple[int, ...] = ()
    homes: tuple[int, ...] = ()
    username: str = ""


Rows = Iterable[Mapping[str, Any]]
Apart = tuple[tuple[str, ...], Callable[[Subject], Any]]


@dataclass(frozen=True, slots=True)
class SubjectHandler:
    """One plugin's answer to a person who asks about their data, for one model.

    `find` yields the person's rows as plain mappings; `export` the same in the words shown to the
    person; `rectify` applies corrected values and returns the number of rows changed; `erase` removes
    or anonymises and returns the number of rows; `restrict` stops (True) or resumes (False) their use.
    All run in the caller's transaction and touch nobody else's rows.

    `fate` says what an erasure does to the rows: `erased`, `anonymised` (the rows stay without the person, for
    figures and statutory records) or `kept`; `why` is the sentence for it in the plan that people approve.
    `rectifiable` are the columns a correction may set.

    `locate` returns the SQL condition on the model's columns that finds the person's rows: retention spares
    them while a legal hold on the person stands. Without it the whole table of the organisation is spared.
    """

    model: type[Any]
    find: Callable[["Work", Subject], Rows]
    export: Callable[["Work", Subject], Rows]
    rectify: Callable[["Work", Subject, Mapping[str, str]], int]
    erase: Callable[["Work", Subject], int]
    restrict: Callable[["Work", Subject, bool], int]
    locate: Callable[[Subject], Any] | None = None
    fate: str = "erased"
    why: str = ""
    rectifiable: tuple[str, ...] = ()
    apart: tuple[Apart, ...] = ()
