"""Messages that look alike to a provider that keeps no reference of ours: what one is known by is not another's.

Asked about a message whose answer was lost, such a provider may name its twin: the same words to the same person, sent
by itself. Taken for ours, it would share its receipts, and nobody would notice that ours was never sent.
"""

from collections.abc import Mapping, Sequence

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
    holders = _holders(work, connection_id, named)
    twins = {id for id, names in named.items() if any(holders[name] != {id} for name in names)}
    return [
        Unknown("not_found_out") if each.message_id in twins else answer
        for each, answer in zip(asked, answers, strict=True)
    ]


def _holders(work: Work, connection_id: int, named: Mapping[int, set[str]]) -> dict[str, set[int]]:
    """Return the messages each name is known by, or was said to be by these answers."""
    found: dict[str, set[int]] = {}
    for message_id, names in named.items():
        for name in names:
            found.setdefault(name, set()).add(message_id)
    facts = {
        "references": arrays.texts(list(found)),
        "connection": connection_id,
        "oldest": ids.at(work.clock() - LOOK_BACK),
    }
    with raw(work.session).cursor(row_factory=tuple_row) as rows:
        for name, message_id in rows.execute(_HOLDERS, facts):
            found[name].add(message_id)
    return found
