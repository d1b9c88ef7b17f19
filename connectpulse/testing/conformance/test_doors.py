"""Its doors refuse nonsense and never break; its background work can be done twice."""

from typing import TYPE_CHECKING

import pytest

from connectpulse.core.domain.doors import Door
from connectpulse.core.domain.jobs import Duty, Job
from connectpulse.core.services import periodic
from connectpulse.core.services.work import SYSTEM
from connectpulse.core.storage import guard
from connectpulse.house import House

from .specimen import Specimen

if TYPE_CHECKING:
    from flask import Flask

NONSENSE = (
    b"", b"\x00\xff\xfe", b"{", b"[]", b"null", b'{"id": 1}', b"a=1&a=2&%zz=%00", b"<xml/>", "ø=آ".encode(),
    b"x" * 5000,
)  # fmt: skip
TYPES = ("application/json", "application/x-www-form-urlencoded", "")
RESTS = ("", "/0", "/" + "a" * 200, "/..%2f..%2fetc", "/%00")


@pytest.fixture(scope="module")
def patient(house: House) -> "Flask":
    """An application that answers however often it is asked."""
    from connectpulse.app import create_app

    app = create_app(house)
    app.config["RATELIMIT_ENABLED"] = False
    return app


@pytest.mark.parametrize("content_type", TYPES)
def test_a_door_refuses_nonsense(door: Door, patient: "Flask", specimen: Specimen, content_type: str) -> None:
    asking = patient.test_client()
    wrong = []
    for method in door.methods:
        for rest in RESTS:
            for body in NONSENSE:
                url = f"/hooks/{specimen.name}/{door.name}{rest}?{'q=1' if rest else ''}"
                answer = asking.open(url, method=method, data=body, content_type=content_type)
                if not 400 <= answer.status_code < 500:
                    wrong.append((method, url, body[:20], answer.status_code))
    assert not wrong, wrong


def test_a_door_takes_no_more_than_it_says(door: Door, house: House, specimen: Specimen) -> None:
    from connectpulse.app import create_app

    asking = create_app(house).test_client()
    for method in set(door.methods) - {"GET"}:
        answer = asking.open(f"/hooks/{specimen.name}/{door.name}", method=method, data=b"x" * (door.largest + 1))
        assert answer.status_code == 413


def test_a_job_is_told_by_its_name(job: Job, specimen: Specimen) -> None:
    assert job.name.startswith(f"{specimen.name}.")
    assert (job.step is None) != (job.call is None)


def test_a_duty_can_be_done_twice(duty: Duty, house: House) -> None:
    assert duty.title.strip()
    for _ in range(2):
        with house.work(SYSTEM) as work, guard.platform_scope(work.session, "the conformance kit"):
            periodic.wake(work)
        run = periodic.of(house.work, duty.name)
        for _ in range(100):
            if not periodic.carry_out(house.work, run):
                break
        else:
            pytest.fail(f"{duty.name} finds no end where there is nothing to do")
