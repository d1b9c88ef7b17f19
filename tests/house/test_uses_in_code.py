"""Every module that reads personal columns says what for, and reads those alone that are meant for it."""

from pathlib import Path

from connectpulse.core.domain.personal import Use
from tests.house import code, reading

SHIPPED = [path for path in code.shipped() if "migrations" not in path.parts]


def test_what_is_read_is_read_for_what_it_is_meant() -> None:
    faults = [reading.faults(code.name(path), reading.use_of(path), reading.named(path)) for path in SHIPPED]
    assert [each for found in faults for each in found] == []


def test_most_readers_are_known() -> None:
    readers = [code.name(path) for path in SHIPPED if reading.named(path)]
    assert len(readers) > 50
    assert {place for place in reading.FOR if not any(name.startswith(place) for name in readers)} == set()


def test_a_figure_made_of_contacts_is_found(tmp_path: Path) -> None:
    spy = tmp_path / "figures.py"
    spy.write_text(
        "from connectpulse.core.storage import models as m\n"
        "NAMES = select(m.Contact.name)\n"
        "VALUES = 'SELECT a.value, count(*) FROM pulse_address a GROUP BY 1'\n"
        "HARMLESS = 'SELECT count(*) FROM pulse_contact JOIN pulse_contact_list l ON l.name = :name'\n"
    )
    found = reading.named(spy)
    assert {("pulse_contact", "name"), ("pulse_address", "value")} <= found
    assert len(reading.faults("figures.py", Use.REPORT, found)) == len(found)
    assert reading.faults("figures.py", Use.DELIVER, found) == []
    assert reading.faults("figures.py", None, found)
