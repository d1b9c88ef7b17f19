"""Bringing a file of contacts in: upload, look, map, run, report. A kill resumes at the last batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO

from phonenumbers import SUPPORTED_REGIONS
from sqlalchemy import delete, insert, select, text, update

from ..domain import fields as field_rules
from ..errors import Refused
from ..storage.models import ContactList, CustomField, Import, ImportChunk, ImportFault
from . import addresses, audit, contacts, csv_source, import_batch, jobs, records
from .csv_source import Record
from .work import Work

BATCH = 5_000
FAULTS_KEPT = 10_000
PREVIEW_ROWS = 8

_HEADINGS = {
    "address:phone": ("phone", "mobile", "msisdn", "cell", "number", "contact no", "tel", "فون", "موبائل"),
    "address:email": ("email", "e-mail", "mail", "ای میل"),
    "address:whatsapp": ("whatsapp", "wa_id"),
    "timezone": ("timezone", "time zone"),
    "name": ("name", "full name", "customer", "نام"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """The first rows of a file and what each column seems to be."""

    header: list[str]
    rows: list[list[str]]
    mapping: list[str]


def upload(work: Work, filename: str, stream: IO[bytes], encoding: str = "") -> Import:
    """Take a file in; raise Refused if it is no table of text. Nothing is imported yet."""
    sample = stream.read(csv_source.SAMPLE)
    encoding = encoding or csv_source.find_encoding(sample)
    new = Import(filename=filename[:255], encoding=encoding, delimiter=",", region=contacts.region(work))
    new.created_by = work.actor.name
    records.create(work, new, "import.uploaded", filename=filename)
    try:
        for number, piece in enumerate(csv_source.pieces(stream, encoding, sample)):
            work.session.execute(
                insert(ImportChunk),
                {
                    "organisation_id": work.organisation_id,
                    "import_id": new.id,
                    "number": number,
                    "content": piece,
                },
            )
            new.bytes_total += len(piece)
    except (LookupError, UnicodeError):
        raise Refused(f"The file cannot be read as {encoding}.") from None
    first = _piece(work, new.id, 0)
    if first is None:
        raise Refused("The file is empty.")
    new.delimiter = csv_source.find_delimiter(first[: csv_source.SAMPLE].decode("utf-8", "replace"))
    look = look_at(work, new)
    if not look.rows:
        raise Refused("The file has headings, but no rows under them that can be read.")
    new.header, new.mapping = look.header, look.mapping
    work.session.flush()
    return new


def look_at(work: Work, given: Import) -> Look:
    """Return the first rows of an uploaded file and a guess at its columns; sets whether it has a heading."""
    rows = [record.cells for record in islice(_records(work, given, 0, 1), PREVIEW_ROWS + 1) if record.cells]
    if not rows:
        raise Refused("The file has no rows.")
    given.has_header = not any(_kind_of(cell, given.region) for cell in rows[0])
    width = len(rows[0]) if given.has_header else max(map(len, rows))
    header = rows[0] if given.has_header else [f"Column {n + 1}" for n in range(width)]
    header = [cell.strip()[:120] for cell in header] + [""] * (width - len(header))
    body = rows[1:] if given.has_header else rows[:PREVIEW_ROWS]
    names = contacts.field_kinds(work)
    taken: set[str] = set()
    mapping = []
    for column, heading in enumerate(header):
        values = [row[column] for row in body if column < len(row)]
        target = _guess(heading, values, names, given.region)
        mapping.append("" if target in taken else target)
        taken.add(target)
    return Look(header, body, mapping)


def start(
    work: Work,
    import_id: int,
    mapping: Sequence[str],
    *,
    list_id: int | None = None,
    new_list: str = "",
    region: str = "",
    consent: str = "",
) -> Import:
    """Begin importing with these columns. `mapping` holds per column a target, or "" to leave it out.

    Targets: `name`, `timezone`, `address:<scheme>` (or `address:phone+whatsapp` for both), `field:<name>`,
    `new:<label>` for a field to be made.
    """
    given = records.find(work, Import, import_id, lock=True)
    if given.state != "mapping":
        raise Refused("This import has been started already.")
    given.mapping = [_target(work, target) for target in mapping]
    if len(given.mapping) != len(given.header):
        raise Refused(f"The file has {len(given.header)} columns; {len(given.mapping)} were described.")
    used = [target for target in given.mapping if target]
    if not any(target.startswith("address:") for target in used):
        raise Refused("Choose the column that holds the phone number or another address.")
    twice = sorted({t for t in used if used.count(t) > 1 and not t.startswith("address:")})
    if twice:
        raise Refused(*(f"Two columns are both mapped to {target.removeprefix('field:')}." for target in twice))
    if region and region.upper() not in SUPPORTED_REGIONS:
        refusal = Refused(f"{region.upper()} is not a country code; write it like PK.")
        refusal.fields = {"region": refusal.problems[0]}
        raise refusal
    given.list_id = _list(work, list_id, new_list)
    given.region = region.upper() or given.region
    given.consent = consent
    given.state = "running"
    records.update(work, given, "import.started", list_id=given.list_id, consent=consent)
    jobs.submit(work, "import", given.id)
    return given


def cancel(work: Work, import_id: int) -> None:
    """Stop an import after the batch it is at; what is in stays in."""
    given = records.find(work, Import, import_id, lock=True)
    if given.state not in ("mapping", "running"):
        raise Refused("This import is over already.")
    _finish(work, given, "cancelled", "Cancelled by " + work.actor.name)
    audit.record(work, "import.cancelled", given)


def remove(work: Work, import_id: int) -> None:
    """Delete the record of an import that is over, its faults included; the people it brought in stay."""
    given = records.find(work, Import, import_id, lock=True)
    if given.state == "running":
        raise Refused("This import is running. Cancel it first.")
    records.delete(work, given, "import.deleted")


def step(work: Work, import_id: int) -> bool:
    """Import the next batch; return whether there is more. One transaction with counters and offset."""
    given = records.find(work, Import, import_id, lock=True)
    if given.state != "running":
        return False
    is_first = given.lines_done == 0
    rows = _records(work, given, given.bytes_done, given.lines_done + 1)
    if is_first and given.has_header:
        next(rows, None)
    taken = list(islice(rows, BATCH))
    if not taken:
        work.session.execute(text("ANALYZE pulse_contact, pulse_address, pulse_list_member"))
        _finish(work, given, "finished", "")
        audit.record(work, "import.finished", given, created=given.created, rejected=given.rejected)
        return False
    batch = import_batch.read(taken, given.mapping, contacts.field_kinds(work), given.region)
    merged = import_batch.merge(work, batch, given.id, given.list_id, given.consent)
    if merged.joined:
        work.session.execute(
            update(ContactList)
            .where(ContactList.id == given.list_id)
            .values(size=ContactList.size + merged.joined, changes=ContactList.changes + 1)
        )
    _keep_faults(work, given, batch.faults)
    given.created += merged.created
    given.updated += merged.updated
    given.duplicates += merged.duplicates
    given.suppressed += merged.suppressed
    given.rejected += len(batch.faults)
    given.bytes_done, given.lines_done = taken[-1].end, taken[-1].next_line - 1
    return True


def give_up(work: Work, import_id: int, reason: str) -> None:
    """End an import that cannot go on, with the reason a person can act on."""
    given = records.find(work, Import, import_id, lock=True)
    _finish(work, given, "failed", reason)
    audit.record(work, "import.failed", given)


def _finish(work: Work, given: Import, state: str, reason: str) -> None:
    given.state, given.reason, given.finished_at = state, reason[:500], work.clock()
    work.session.execute(delete(ImportChunk).where(ImportChunk.import_id == given.id))


def _keep_faults(work: Work, given: Import, faults: list[tuple[int, str, str]]) -> None:
    room = max(0, FAULTS_KEPT - given.rejected)
    rows = [
        {
            "organisation_id": work.organisation_id,
            "import_id": given.id,
            "line": line,
            "value": value.replace("\x00", "\ufffd"),
            "reason": reason.replace("\x00", "\ufffd"),
        }
        for line, value, reason in faults[:room]
    ]
    if rows:
        work.session.execute(insert(ImportFault), rows)


def _piece(work: Work, import_id: int, number: int) -> bytes | None:
    return work.session.scalar(
        select(ImportChunk.content).where(ImportChunk.import_id == import_id, ImportChunk.number == number)
    )


def _records(work: Work, given: Import, offset: int, line: int) -> Iterator[Record]:
    return csv_source.records(lambda number: _piece(work, given.id, number), given.delimiter, offset, line)


def _target(work: Work, target: str) -> str:
    """Return a checked column target, making the field that `new:<label>` asks for."""
    kind, _, name = target.partition(":")
    if kind == "new":
        return f"field:{contacts.create_field(work, name.strip()).name}"
    if target in ("", "name", "timezone"):
        return target
    if kind == "address" and all(scheme in addresses.SCHEMES for scheme in name.split(addresses.BOTH)):
        return target
    if kind == "field" and work.session.scalar(select(CustomField.id).where(CustomField.name == name)):
        return target
    raise Refused(f"{target!r} is not something a column can be imported as.")


def _list(work: Work, list_id: int | None, new_list: str) -> int | None:
    if new_list.strip():
        return records.create(work, ContactList(name=new_list.strip()[:120]), "list.created").id
    return records.find(work, ContactList, list_id).id if list_id is not None else None


def _guess(heading: str, values: list[str], fields: dict[str, str], region: str) -> str:
    name = field_rules.name_from_label(heading) if heading else ""
    if name in fields:
        return f"field:{name}"
    kinds = {kind for kind in (_kind_of(value, region) for value in values if value.strip()) if kind}
    lowered = heading.casefold()
    for target, words in _HEADINGS.items():
        if any(word in lowered for word in words) and (not kinds or target in kinds or ":" not in target):
            return target
    return kinds.pop() if len(kinds) == 1 else ""


def _kind_of(cell: str, region: str) -> str:
    """Return which kind of address a cell holds, empty if it holds none."""
    for scheme in ("email", "phone"):
        try:
            addresses.normalise(scheme, cell, region)
        except Refused:
            continue
        return f"address:{scheme}"
    return ""
