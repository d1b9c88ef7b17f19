"""A row with a card number is not imported, and its report does not repeat the number."""

from connectpulse.core.services import import_batch
from connectpulse.core.services.csv_source import Record

VISA = "4111 1111 1111 1111"


def test_a_row_with_a_card_number_is_not_taken() -> None:
    rows = [["+923001234567", f"pays with {VISA}"], ["+923001234568", "pays cash"], [f"{VISA}", "x"]]
    batch = [Record(line, cells, 0, line + 1) for line, cells in enumerate(rows, 2)]
    found = import_batch.read(batch, ["address:phone", "field:note"], {"note": "text"}, "PK")
    assert [row.line for row in found.rows] == [3]
    assert [line for line, _, _ in found.faults] == [2, 4]
    assert "this looks like the number of a payment card" in found.faults[0][2]
    assert "4111" not in str(found.faults)
