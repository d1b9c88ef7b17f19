"""Messages that look alike to a provider that keeps no reference of ours: what one is known by is not another's.

Asked about a message whose answer was lost, such a provider may name its twin: the same words to the same person, sent
by itself. Taken for ours, it would share its receipts, and nobody would notice that ours was never sent.
"""

from collections.abc import Collection, Sequence

from psycopg.rows import tuple_row

from ..domain.outcome import Accepted, Outcome, Unknown
from ..domain.provider import Submission
from ..storage import arrays, ids
from ..storage.session import raw
from .receipts import LOOK_BACK
from .work import Work

_HOLDERS = """
SELECT reference, message_id FROM pulse_reference
WHERE reference = ANY(%(references)s::text[]) AND connection_id = %(connection)s AND message_id > %(oldest)s
"""


def without_twins(
    work: Work, connection_id: int, asked: Sequence[Submission], answers: Sequence[Outcome]
) -> list[Outcome]:
    """Return what a provider said about messages, unknown where it named what another of the connection is known by."""
    named = {
        each.message_id: {name[:120] for name in answer.references}
        for each, answer in zip(asked, answers, strict=True)
        if isinstance(answer, Accepted)
    }
    said: dict[str, set[int]] = {}
    for message_id, names in named.items():
        for name in names:
            said.setdefault(name, set()).add(message_id)
    held = _holders(work, connection_id, said)
    twins = {id for id, names in named.items() if any(held.get(name, set()) | said[name] != {id} for name in names)}
    news = [id for id, names in named.items() if any(name not in held for name in names)]
    twins |= _doubtful(work, connection_id, news, [each.message_id for each in asked])
    return [
        Unknown("not_found_out") if each.message_id in twins else answer
        for each, answer in zip(asked, answers, strict=True)
    ]


_DOUBTFUL = """
SELECT m.id FROM pulse_message m
WHERE m.id = ANY(%(ids)s::bigint[]) AND m.id BETWEEN %(low)s AND %(high)s AND EXISTS (
    SELECT 1 FROM pulse_message t JOIN pulse_dispatch d ON d.id = t.dispatch_id AND d.connection_id = %(connection)s
    WHERE t.organisation_id = m.organisation_id AND t.address = m.address AND t.id > %(oldest)s
      AND t.id <> ALL(%(asked)s::bigint[]) AND t.body = m.body
      AND (t.state = 2 OR t.state < 2 AND d.state = 'claimed'))
"""


def _doubtful(work: Work, connection_id: int, message_ids: Sequence[int], asked: Sequence[int]) -> set[int]:
    """Return the messages with a twin of which nobody knows yet: it may be the one that was named."""
    if not message_ids:
        return set()
    facts = arrays.span(message_ids) | {
        "asked": arrays.ints(asked),
        "connection": connection_id,
        "oldest": ids.at(work.clock() - LOOK_BACK),
    }
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        return {row[0] for row in rows.execute(_DOUBTFUL, facts).fetchall()}


def _holders(work: Work, connection_id: int, names: Collection[str]) -> dict[str, set[int]]:
    """Return the messages each name is known by, for those that are known."""
    found: dict[str, set[int]] = {}
    facts = {
        "references": arrays.texts(list(names)),
        "connection": connection_id,
        "oldest": ids.at(work.clock() - LOOK_BACK),
    }
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        for name, message_id in rows.execute(_HOLDERS, facts):
            found.setdefault(name, set()).add(message_id)
    return found
