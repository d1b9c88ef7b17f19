"""Who finds a person where an address is not a column: in files, requests, samples; and what is special else.

Files and requests are gone within a week by themselves. Until then they are searched like everything else.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, String, and_, cast, false, func, literal, or_, select, text, update

from ...domain.retention import Rows, Subject, SubjectHandler
from ...domain.rights import ERASED, KEPT
from ...errors import Refused
from ...storage import models as m
from .. import erased
from ..subjects import anywhere, by_address, by_user, handler
from ..work import Work
from . import mentions
from .makers import unname

_NAMES_YOU = "(a provider's request that names you; it may name others, so it is not shown)"


def _nothing(work: Work, subject: Subject, is_restricted: bool) -> int:
    return 0


def _refuse_values(work: Work, subject: Subject, values: Mapping[str, str]) -> int:
    if values:
        raise Refused("Nothing can be corrected here.")
    return 0


# --- uploaded files ------------------------------------------------------------------------------


def import_chunk() -> SubjectHandler:
    """Find a person in files that are not imported yet; an erasure takes the whole file back."""

    def hits(work: Work, subject: Subject) -> list[tuple[int, str]]:
        wanted = mentions.patterns(subject)
        if not wanted:
            return []
        chunks = select(m.ImportChunk.import_id, m.ImportChunk.content).order_by(
            m.ImportChunk.import_id, m.ImportChunk.number
        )
        if subject.organisation_id is not None:
            chunks = chunks.where(m.ImportChunk.organisation_id == subject.organisation_id)
        found, tail, before = [], "", None
        for import_id, content in work.session.execute(chunks.execution_options(yield_per=4)):
            text = (tail if import_id == before else "") + bytes(content).decode("utf-8", "replace")
            found += [(import_id, line) for line in mentions.lines(text, wanted)]
            tail, before = text.rpartition("\n")[2][-2000:], import_id
        return list(dict.fromkeys(found))

    def find(work: Work, subject: Subject) -> Rows:
        return ({"content": line} for _, line in hits(work, subject))

    def erase(work: Work, subject: Subject) -> int:
        ids = sorted({import_id for import_id, _ in hits(work, subject)})
        if not ids:
            return 0
        why = "Somebody in this file asked to be erased. Take them out of it and upload it again."
        work.session.execute(
            update(m.Import)
            .where(m.Import.id.in_(ids), m.Import.state.in_(("mapping", "running")))
            .values(state="cancelled", reason=why, finished_at=work.clock()),
            execution_options={"synchronize_session": False},
        )
        gone: Any = work.session.execute(
            m.ImportChunk.__table__.delete().where(m.ImportChunk.__table__.c.import_id.in_(ids))
        )
        return int(gone.rowcount)

    why = "The file is taken back; whoever uploaded it is told to take the person out."
    return SubjectHandler(m.ImportChunk, find, find, _refuse_values, erase, _nothing, None, ERASED, why)


def import_fault() -> SubjectHandler:
    """Find a person in rows of files that were not taken."""

    def ids(work: Work, subject: Subject) -> dict[int, str]:
        wanted = mentions.patterns(subject)
        if not wanted:
            return {}
        rows = select(m.ImportFault.id, m.ImportFault.value).where(
            m.ImportFault.value.bool_op("~*")(literal("|".join(each.pattern for each in wanted)))
        )
        if subject.organisation_id is not None:
            rows = rows.where(m.ImportFault.organisation_id == subject.organisation_id)
        return {id: value for id, value in work.session.execute(rows) if mentions.holds(value, wanted)}

    def find(work: Work, subject: Subject) -> Rows:
        return ({"value": value} for value in ids(work, subject).values())

    def erase(work: Work, subject: Subject) -> int:
        found = ids(work, subject)
        table = m.ImportFault.__table__
        gone: Any = work.session.execute(table.delete().where(table.c.id.in_(found))) if found else None
        return int(gone.rowcount) if gone is not None else 0

    return SubjectHandler(m.ImportFault, find, find, _refuse_values, erase, _nothing, None, ERASED, "Nobody needs it.")


# --- requests of providers -----------------------------------------------------------------------


def callback() -> SubjectHandler:
    """Find a person in what providers sent. A request may name many people: it is told of, not shown."""
    base = handler(m.CallbackRequest, _in_request, ("url", "body"), erase_row=True)

    def find(work: Work, subject: Subject) -> Rows:
        named = ", ".join(value for _, value in subject.addresses)
        for _ in base.find(work, subject):
            yield {"url": "", "body": f"{named} {_NAMES_YOU}"}

    return replace(base, find=find, export=find, why="They were worked off; their effects are elsewhere.")


def _in_request(subject: Subject) -> ColumnElement[bool]:
    """Requests that are not worked off yet are left: they concern others as well, and are gone in seconds."""
    forms = mentions.raw_forms(subject)
    if not forms:
        return false()
    table = m.CallbackRequest
    inside = [func.position(literal(form, LargeBinary).op("IN")(table.body)) > 0 for form in forms]
    named = [table.url.contains(form.decode(), autoescape=True) for form in forms]
    return and_(table.state != "open", or_(*inside, *named))


# --- texts that were made from contacts ----------------------------------------------------------


_IN_SAMPLE = """EXISTS (
    SELECT 1 FROM pulse_contact c
    CROSS JOIN LATERAL (SELECT c.name UNION ALL SELECT value FROM jsonb_each_text(c.fields)) AS known (word)
    WHERE c.id IN (%s) AND length(word) > 3
      AND strpos(pulse_quote.sample::text, split_part(word, ' ', 1)) > 0)"""


def quote() -> SubjectHandler:
    """Find a person in the sample texts of quotes, by name, field or address."""

    def locate(subject: Subject) -> ColumnElement[bool]:
        shown = cast(m.Quote.sample, String)
        ways = [shown.contains(value, autoescape=True) for _, value in subject.addresses]
        if subject.contact_ids:
            # Retention writes conditions out as SQL, which a list that is bound cannot be.
            ways.append(text(_IN_SAMPLE % ", ".join(f"{each:d}" for each in subject.contact_ids)))  # type: ignore[arg-type]
        return or_(*ways) if ways else false()

    base = handler(m.Quote, locate, ("sample",), erase_row=False)

    def erase(work: Work, subject: Subject) -> int:
        inside = locate(subject)
        if subject.organisation_id is not None:
            inside = and_(inside, m.Quote.organisation_id == subject.organisation_id)
        done: Any = work.session.execute(
            update(m.Quote).where(inside).values(sample=[]), execution_options={"synchronize_session": False}
        )
        return int(done.rowcount)

    def export(work: Work, subject: Subject) -> Rows:
        """Yield those samples only that are about the person."""
        own = [value for _, value in subject.addresses]
        own += [
            name.split(" ", 1)[0]
            for name in work.session.scalars(select(m.Contact.name).where(m.Contact.id.in_(subject.contact_ids)))
            if len(name) > 3
        ]
        for row in base.find(work, subject):
            yield {"sample": [text for text in row["sample"] if any(word in text for word in own)]}

    return replace(base, export=export, erase=erase, why="Samples of texts; the figures of the quote stay.")


# --- the person's own interest -------------------------------------------------------------------


def suppression() -> SubjectHandler:
    """Keep that somebody must not be written to, by a keyed hash in place of the address."""
    base = handler(
        m.Suppression, by_address(m.Suppression), ("value",), erase_row=False,
        beside=("scheme", "channel", "purpose", "reason", "created_at"),
    )  # fmt: skip

    def erase(work: Work, subject: Subject) -> int:
        table = m.Suppression
        rows = select(table).where(by_address(table)(subject), anywhere(table, subject))
        if subject.organisation_id is not None:
            rows = rows.where(table.organisation_id == subject.organisation_id)
        unname(work, table, "source", subject)
        found = work.session.scalars(rows).all()
        for row in found:
            value = erased.MARK + erased.hashed(row.organisation_id, row.scheme, row.value).hex()
            same = select(table.id).where(
                table.organisation_id == row.organisation_id, table.scheme == row.scheme, table.value == value,
                table.channel == row.channel, table.purpose == row.purpose,
            )  # fmt: skip
            if work.session.scalar(same) is None:
                row.value = value
            else:
                work.session.delete(row)
            work.session.flush()
        return len(found)

    why = "The address becomes a keyed hash, so that the person is never written to again."
    return replace(base, erase=erase, fate=KEPT, why=why)


def contact(restrict: Any) -> SubjectHandler:
    """Find a person's contacts; a correction may name a custom field as `fields.<name>`."""
    base = handler(
        m.Contact, _own_contact, ("name", "fields", "timezone"), erase_row=True, beside=("created_at",),
        rectifiable=("name", "fields", "timezone"), restrict=restrict,
    )  # fmt: skip

    def rectify(work: Work, subject: Subject, values: Mapping[str, str]) -> int:
        fields = {name.partition(".")[2]: each for name, each in values.items() if name.startswith("fields.")}
        plain = {name: each for name, each in values.items() if not name.startswith("fields.")}
        done = base.rectify(work, subject, plain)
        if not fields:
            return done
        changed: Any = work.session.execute(
            update(m.Contact).where(_own_contact(subject)).values(fields=m.Contact.fields.op("||")(fields)),
            execution_options={"synchronize_session": False},
        )
        return max(done, int(changed.rowcount))

    return replace(base, rectify=rectify)


def _own_contact(subject: Subject) -> ColumnElement[bool]:
    if not subject.contact_ids:
        return false()
    ours = m.Contact.id.in_(subject.contact_ids)
    return ours if subject.organisation_id is None else and_(ours, m.Contact.organisation_id == subject.organisation_id)


def user(model: type[Any], names: tuple[str, ...]) -> SubjectHandler:
    """Find a person's account; an erasure empties it and closes it for good."""
    base = handler(model, by_user(model, "id"), names, erase_row=False, rectifiable=names, hidden=("password",),
                   why="The account is closed and emptied; what it did stays in the log under its number.")  # fmt: skip

    def erase(work: Work, subject: Subject) -> int:
        if not subject.user_id:
            return 0
        work.session.execute(
            update(model).where(model.id == subject.user_id).values(active=False),
            execution_options={"synchronize_session": False},
        )
        return base.erase(work, subject)

    return replace(base, erase=erase)
