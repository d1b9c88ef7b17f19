"""The wall between organisations, tried on every table that has an owner."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import delete, func, inspect, select, update
from sqlalchemy.orm import Session, aliased

from connectpulse.core.storage import guard
from connectpulse.core.storage.guard import CrossTenant, TenantRequired
from connectpulse.house import House
from connectpulse.testing import factories
from tests.house import rows

OWNED = rows.owned()
each_model = pytest.mark.parametrize("model", OWNED, ids=lambda model: model.__name__)
Open = Callable[[int | None], Session]


@pytest.fixture(scope="module")
def organisations(standing_house: House) -> tuple[int, int]:
    """Two organisations; every owned table holds one row, of the first."""
    ours, theirs = (
        factories.organisation(standing_house, is_furnished=False),
        factories.organisation(standing_house, is_furnished=False),
    )
    with standing_house.sessions() as session, guard.platform_scope(session, "test"):
        for model in OWNED:
            if not session.scalar(select(func.count()).select_from(model).where(model.organisation_id == ours)):
                rows.put(session, model, organisation_id=ours)
        session.commit()
    return ours, theirs


@pytest.fixture
def open_for(standing_house: House, organisations: tuple[int, int]) -> Iterator[Open]:
    opened: list[Session] = []

    def open_session(organisation_id: int | None) -> Session:
        session = standing_house.sessions()
        guard.bind(session, organisation_id)
        opened.append(session)
        return session

    yield open_session
    for session in opened:
        session.rollback()
        session.close()


def test_most_tables_have_an_owner() -> None:
    assert len(OWNED) >= 24


@each_model
def test_without_an_organisation_nothing_is_read(model: Any, open_for: Open) -> None:
    with pytest.raises(TenantRequired, match=model.__name__):
        open_for(None).scalars(select(model)).unique().all()


@each_model
def test_an_organisation_reads_its_own(model: Any, open_for: Open, organisations: tuple[int, int]) -> None:
    found = open_for(organisations[0]).scalars(select(model)).unique().all()
    assert found
    assert {row.organisation_id for row in found} == {organisations[0]}


@each_model
def test_an_organisation_reads_nothing_of_another(model: Any, open_for: Open, organisations: tuple[int, int]) -> None:
    session = open_for(organisations[1])
    other = aliased(model)
    key = inspect(model).primary_key[0]
    assert session.scalars(select(model)).unique().all() == []
    assert session.scalars(select(other)).unique().all() == []
    assert session.scalar(select(func.count()).select_from(model)) == 0
    assert session.scalars(select(key).where(model.organisation_id == organisations[0])).all() == []


@each_model
def test_an_organisation_changes_nothing_of_another(model: Any, open_for: Open, organisations: tuple[int, int]) -> None:
    session = open_for(organisations[1])
    options = {"synchronize_session": False}
    changed: Any = session.execute(update(model).values(organisation_id=organisations[1]), execution_options=options)
    deleted: Any = session.execute(delete(model), execution_options=options)
    assert (changed.rowcount, deleted.rowcount) == (0, 0)


@each_model
def test_nothing_is_changed_or_deleted_without_an_organisation(model: Any, open_for: Open) -> None:
    with pytest.raises(TenantRequired):
        open_for(None).execute(update(model).values(organisation_id=1))
    with pytest.raises(TenantRequired):
        open_for(None).execute(delete(model))


@each_model
def test_a_row_of_another_organisation_is_not_written(
    model: Any, open_for: Open, organisations: tuple[int, int]
) -> None:
    ours, theirs = organisations
    session = open_for(ours)
    session.add(model(organisation_id=theirs))
    with pytest.raises(CrossTenant):
        session.flush()
    session = open_for(None)
    session.add(model(organisation_id=ours))
    with pytest.raises(TenantRequired):
        session.flush()


@each_model
def test_a_row_is_not_moved_to_another_organisation(model: Any, open_for: Open, organisations: tuple[int, int]) -> None:
    session = open_for(organisations[0])
    row = session.scalars(select(model).limit(1)).unique().one()
    row.organisation_id = organisations[1]
    with pytest.raises(CrossTenant):
        session.flush()


def test_crossing_is_named_and_ends_with_its_block(open_for: Open, organisations: tuple[int, int]) -> None:
    session = open_for(None)
    with guard.platform_scope(session, "a duty of the platform"):
        assert session.scalars(select(OWNED[0])).unique().all()
    with pytest.raises(TenantRequired):
        session.scalars(select(OWNED[0])).unique().all()
