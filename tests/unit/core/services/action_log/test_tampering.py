"""The short version of `make faults ARGS="audit"`: random tamperings with the log, each of which must be found."""

from connectpulse.house import House
from tests.faults import tampering


def test_every_tampering_is_found_and_its_first_bad_entry_named(house: House) -> None:
    done, missed = tampering.run(house, seed=11, count=120)
    assert missed == []
    assert set(done) == {way for way, _ in tampering.WAYS}
