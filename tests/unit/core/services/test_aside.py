"""What fails again and again is set aside with its reason, spoils no neighbour, and can be tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from connectpulse.core.domain.jobs import Job
from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import Accepted
from connectpulse.core.domain.provider import Approval, Event, Inbound, Receipt, Stop, TemplateWord
from connectpulse.core.errors import NotFound, Refused
from connectpulse.core.services import aside, callbacks, jobs
from connectpulse.core.services.desk import ServiceDesk
from connectpulse.core.services.work import SYSTEM, Work
from connectpulse.core.storage.models import Message
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR
from tests.unit.core.services.scene import Scene

# Half a pair of UTF-16, as telephones cut texts: Python holds it, no database does.
POISON = Receipt("what\ud800ever", MessageState.DELIVERED)
MOMENT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def _scalars(house: House, sentence: str) -> list[str]:
    with house.work(SYSTEM) as work:
        return list(work.session.scalars(text(sentence)))


def test_a_poisoned_event_of_a_session_spoils_no_neighbour_and_is_not_repeated_for_ever(house: House) -> None:
    good = [Receipt(f"good-{n}", MessageState.DELIVERED) for n in range(3)]
    desk = ServiceDesk(house.work, "w1", "")
    desk.take_in(7, [good[0], POISON, *good[1:]])
    assert _scalars(house, "SELECT reference FROM pulse_receipt ORDER BY 1") == ["good-0", "good-1", "good-2"]
    with house.work(ADMINISTRATOR) as work:
        [told] = aside.told_aside(work)
    assert (told.connection_id, told.name, told.count) == (7, "connection 7", 1)
    assert "surrogates not allowed" in told.reason
    assert callbacks.drain(house.work, 7) == 0, "what is set aside waits for a person"


def test_a_poisoned_event_of_an_answer_spoils_neither_the_answer_nor_what_came_with_it(post_house: House) -> None:
    scene = Scene(post_house, factories.organisation(post_house))
    scene.connect()
    scene.launch(scene.campaign(scene.people("p@x.org")))
    desk = ServiceDesk(post_house.work, "w1", "")
    hand = desk.hand(desk.lines()[0])
    batch = hand.turn(None, (), 1).batch
    assert batch is not None
    answer = [Accepted(("call-1",), events=(POISON, Receipt("call-1", MessageState.DELIVERED, quantity=12)))]
    hand.turn(batch, answer, 0)
    with scene.work() as work:
        sent = work.session.scalars(select(Message)).one()
        assert (sent.state, sent.billed) == (MessageState.DELIVERED, 12)
    assert _scalars(post_house, "SELECT reference FROM pulse_receipt") == ["call-1"]
    assert _scalars(post_house, "SELECT state FROM pulse_callback") == ["failed"]


def test_what_was_told_is_tried_again_and_set_aside_again(house: House) -> None:
    ServiceDesk(house.work, "w1", "").take_in(7, [POISON])
    woken: list[tuple[str, int]] = []
    house.waker = lambda task, id: woken.append((task, id))
    with house.work(ADMINISTRATOR) as work:
        assert aside.retry_told(work, 7) == 1
    assert woken == [(callbacks.DRAIN, 7)]
    assert callbacks.drain(house.work, 7) == 1
    assert _scalars(house, "SELECT state FROM pulse_callback") == ["failed"]
    with house.work(ADMINISTRATOR) as work:  # the cause is mended: here, what was kept
        body = aside._written(Receipt("whatever", MessageState.DELIVERED))
        work.session.execute(text("UPDATE pulse_callback SET body = :body"), {"body": body})
        aside.retry_told(work, 7)
    assert callbacks.drain(house.work, 7) == 1
    assert _scalars(house, "SELECT state FROM pulse_callback") == ["done"]
    assert _scalars(house, "SELECT reference FROM pulse_receipt") == ["whatever"]
    with house.work(ADMINISTRATOR) as work, pytest.raises(NotFound):
        aside.retry_told(work, 7)
    assert len(_scalars(house, "SELECT verb FROM pulse_audit WHERE verb = 'callback.retried'")) == 2


@pytest.mark.parametrize(
    "event",
    [
        Receipt("r", MessageState.FAILED, "27", "absent", MOMENT, "+923001234567", 2, True),
        Receipt("r", MessageState.UNDELIVERABLE, "busy", again=timedelta(minutes=90)),
        Inbound("+923001234567", "8090", "سلام\x00", "r", MOMENT),
        TemplateWord("t", Approval.REJECTED, "because", "utility"),
        TemplateWord("t", None, category="utility"),
        Stop("zara@x.org", "Amina", "undeliverable"),
    ],
)
def test_an_event_that_was_set_aside_is_the_same_when_it_is_tried_again(event: Event) -> None:
    assert aside.event_of(aside._written(event)) == event


def _fail(work: Work, subject_id: int) -> bool:
    raise ValueError("no")


def _begin(house: House, kind: str, organisation: int) -> int:
    with house.work(ADMINISTRATOR, organisation) as work:
        jobs.submit(work, kind, 5)
        return work.wakes[-1][1]


def _run_until_it_rests(house: House, job_id: int) -> int:
    for tries in range(30):
        with house.work(SYSTEM) as work:
            work.session.execute(text("UPDATE pulse_job SET run_at = now(), lease_until = NULL"))
            state = work.session.scalar(text("SELECT state FROM pulse_job WHERE id = :id"), {"id": job_id})
        if state in ("failed", "done"):
            return tries
        jobs.run(house.work, job_id, "w")
    raise AssertionError("it is tried for ever")


def test_a_failed_job_is_tried_again_from_where_it_stood(house: House, organisation: int) -> None:
    house.registry.jobs["sour"] = Job("sour", step=_fail)
    job_id = _begin(house, "sour", organisation)
    assert _run_until_it_rests(house, job_id) == jobs.MOST_ATTEMPTS
    with house.work(ADMINISTRATOR) as work:
        [shown] = aside.failed_jobs(work)
        assert (shown.id, shown.is_told) == (job_id, False)
        assert "ValueError: no" in shown.reason
    house.registry.jobs["sour"] = Job("sour", step=lambda work, subject_id: work.organisation != organisation)
    with house.work(ADMINISTRATOR) as work:
        aside.retry_job(work, job_id)
        [(task, again)] = work.wakes
    assert task == jobs.RUN
    jobs.run(house.work, again, "w")
    assert _scalars(house, "SELECT state FROM pulse_job") == ["done"]
    with house.work(ADMINISTRATOR) as work, pytest.raises(NotFound):
        aside.retry_job(work, job_id)


def test_a_job_whose_subject_tells_is_begun_again_there(house: House, organisation: int) -> None:
    house.registry.jobs["sour"] = Job("sour", step=_fail, give_up=lambda work, subject_id, reason: None)
    job_id = _begin(house, "sour", organisation)
    _run_until_it_rests(house, job_id)
    with house.work(ADMINISTRATOR) as work, pytest.raises(Refused, match="Begin it again there"):
        aside.retry_job(work, job_id)


def test_a_job_that_cannot_be_given_up_is_set_aside_all_the_same(house: House, organisation: int) -> None:
    def gone(work: Work, subject_id: int, reason: str) -> None:
        raise NotFound("The import is gone.")

    house.registry.jobs["sour"] = Job("sour", step=_fail, give_up=gone)
    assert _run_until_it_rests(house, _begin(house, "sour", organisation)) == jobs.MOST_ATTEMPTS
    [reason] = _scalars(house, "SELECT error FROM pulse_job")
    assert reason.endswith("Nobody was told: NotFound: The import is gone.")


def test_a_job_that_ends_its_worker_is_not_begun_for_ever(house: House, organisation: int) -> None:
    def dies(work: Work, subject_id: int) -> bool:
        raise KeyboardInterrupt  # as far as the rows tell, the process was killed

    told: list[str] = []
    house.registry.jobs["deadly"] = Job("deadly", dies, lambda work, subject_id, reason: told.append(reason))
    job_id = _begin(house, "deadly", organisation)
    deaths = 0
    while not told and deaths < 30:
        with house.work(SYSTEM) as work:
            work.session.execute(text("UPDATE pulse_job SET lease_until = NULL"))
        try:
            jobs.run(house.work, job_id, "w")
        except KeyboardInterrupt:
            deaths += 1
    assert (deaths, told) == (jobs.MOST_ATTEMPTS, ["It was begun 6 times and never ended."])
    assert _scalars(house, "SELECT state FROM pulse_job") == ["failed"]
