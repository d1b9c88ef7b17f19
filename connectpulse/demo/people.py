"""The people of the demo, as the CSV file an administrator would upload. None of them exists."""

from collections.abc import Iterator

FIRST_NUMBER = 3_000_000_001
"""Mobile numbers are counted up from here: valid in form, and at the very edge of the plan."""
COLUMNS = ("name", "address:phone", "new:City")
"""What the file's columns are imported as."""

_FIRST = (
    "Ayesha", "Bilal", "Chanda", "Danish", "Erum", "Faisal", "Ghazala", "Hamza", "Iqra", "Junaid", "Kiran", "Luqman",
    "Mahnoor", "Nadeem", "Omar", "Parveen", "Qasim", "Rabia", "Salman", "Tahira", "Usman", "Vaneeza", "Waqas", "Zainab",
)  # fmt: skip
_LAST = ("Ahmed", "Baig", "Chaudhry", "Durrani", "Farooq", "Hussain", "Iqbal", "Khan", "Malik", "Qureshi", "Siddiqui")
_CITIES = ("Karachi", "Lahore", "Islamabad", "Peshawar", "Quetta", "Multan", "Hyderabad", "Faisalabad", "Sialkot")
_NAMELESS = 20
"""Every so many-th person left no name, so that a text's default is seen."""


def csv(count: int) -> bytes:
    """Return the file with `count` people, each with a mobile number of Pakistan nobody else has."""
    return "\n".join(_lines(count)).encode()


def _lines(count: int) -> Iterator[str]:
    yield "Name,Mobile,City"
    for n in range(count):
        name = "" if n % _NAMELESS == _NAMELESS - 1 else f"{_FIRST[n % len(_FIRST)]} {_LAST[n % len(_LAST)]}"
        yield f"{name},0{FIRST_NUMBER + n},{_CITIES[n % len(_CITIES)]}"
