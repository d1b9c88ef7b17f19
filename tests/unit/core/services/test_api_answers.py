"""An Idempotency-Key has one effect and one answer, however often and however parallel it comes."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from connectpulse.core.errors import Refused
from connectpulse.core.services import records
from connectpulse.core.services.api import answers, keys
from connectpulse.core.services.api.answers import Answer, Busy, Reused
from connectpulse.core.services.work import Work
from connectpulse.core.storage.models import ApiAnswer, ContactList
from connectpulse.house import House
from connectpulse.testing import factories


@pytest.fixture
def key(house: House, organisation: int) -> int:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        return keys.create(work, keys.Draft("Shop", ["audit:read"], 60))[0].id


def _make_list(work: Work) -> tuple[int, dict[str, Any]]:
    made = records.create(work, ContactList(name="From the shop"), "list.created")
    return 201, {"id": made.id}


def send(house: House, organisation: int, key: int, word: str = "w", request: bytes = b"POST /lists") -> Answer:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        return answers.once(work, key, word, request, lambda: _make_list(work))


def lists(house: House, organisation: int) -> int:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        return work.session.scalar(select(func.count()).select_from(ContactList)) or 0


def test_sixty_four_at_once_have_one_effect_and_one_answer(house: House, organisation: int, key: int) -> None:
    with ThreadPoolExecutor(64) as pool:
        given = list(pool.map(lambda _: send(house, organisation, key), range(64)))
    assert {(answer.status, answer.body["id"]) for answer in given} == {(201, given[0].body["id"])}
    assert [answer.is_again for answer in given].count(False) == 1
    assert lists(house, organisation) == 1


def test_the_answer_was_lost_and_is_given_again(house: House, organisation: int, key: int) -> None:
    first = send(house, organisation, key)
    again = send(house, organisation, key)
    assert (first.is_again, again.is_again) == (False, True)
    assert first[:2] == again[:2]


def test_another_request_with_the_same_word_is_refused(house: House, organisation: int, key: int) -> None:
    send(house, organisation, key)
    with pytest.raises(Reused, match="another request"):
        send(house, organisation, key, request=b"POST /lists other")
    assert lists(house, organisation) == 1


def test_what_was_refused_may_be_sent_again(house: House, organisation: int, key: int) -> None:
    def refuse() -> tuple[int, dict[str, Any]]:
        raise Refused("Not like this.")

    with pytest.raises(Refused), house.work(factories.ADMINISTRATOR, organisation) as work:
        answers.once(work, key, "w", b"", refuse)
    assert send(house, organisation, key).is_again is False


def test_a_word_is_of_one_key(house: House, organisation: int, key: int) -> None:
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        other = keys.create(work, keys.Draft("Till", ["audit:read"], 60))[0].id
    send(house, organisation, key)
    with pytest.raises(Refused, match="like this already"):
        send(house, organisation, other)  # it is done again, and the list is there


def test_an_answer_is_kept_for_a_day(house: House, organisation: int, key: int) -> None:
    send(house, organisation, key)
    now = house.clock()
    house.clock = lambda: now + answers.KEPT_FOR - timedelta(minutes=1)
    assert send(house, organisation, key).is_again
    house.clock = lambda: now + answers.KEPT_FOR + timedelta(minutes=1)
    with pytest.raises(Refused, match="like this already"):
        send(house, organisation, key)


@pytest.fixture
def held(house: House, organisation: int, key: int) -> Iterator[None]:
    """Somebody works on the request, and does not come to an end."""
    begun, may_end = threading.Event(), threading.Event()

    def wait() -> tuple[int, dict[str, Any]]:
        begun.set()
        may_end.wait(60)
        return 201, {}

    def hold() -> None:
        with house.work(factories.ADMINISTRATOR, organisation) as work:
            answers.once(work, key, "w", b"", wait)

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait(60)
    yield
    may_end.set()
    thread.join()


def test_nobody_waits_for_ever(
    house: House, organisation: int, key: int, held: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PATIENCE", "100ms")
    with pytest.raises(Busy, match="worked on"):
        send(house, organisation, key, request=b"")


def test_what_is_kept_is_encrypted_and_goes_with_its_key(house: House, organisation: int, key: int) -> None:
    send(house, organisation, key)
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        raw = work.session.connection().exec_driver_sql("SELECT body FROM pulse_api_answer").scalar()
        assert b'"id"' not in bytes(raw)
        work.session.connection().exec_driver_sql("DELETE FROM pulse_api_key")
        assert work.session.scalar(select(func.count()).select_from(ApiAnswer)) == 0
