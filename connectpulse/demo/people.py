"""The people of the demo, as the CSV file an administrator would upload. None of them exists."""

from collections.abc import Callable, Collection, Iterator

_FIRST = (
    "Ayesha", "Bilal", "Chanda", "Danish", "Erum", "Faisal", "Ghazala", "Hamza", "Iqra", "Junaid", "Kiran", "Luqman",
    "Mahnoor", "Nadeem", "Omar", "Parveen", "Qasim", "Rabia", "Salman", "Tahira", "Usman", "Vaneeza", "Waqas", "Zainab",
)  # fmt: skip
_LAST = ("Ahmed", "Baig", "Chaudhry", "Durrani", "Farooq", "Hussain", "Iqbal", "Khan", "Malik", "Qureshi", "Siddiqui")
_CITIES = ("Karachi", "Lahore", "Islamabad", "Peshawar", "Quetta", "Multan", "Hyderabad", "Faisalabad", "Sialkot")
_NAMELESS = 20
"""Every so many-th person left no name, so that a text's default is seen."""


_NUMBERS = ("phone", "whatsapp")


def columns(scheme: str, known: Collection[str]) -> tuple[str, ...]:
    """Return what the file's columns are imported as: addresses of `scheme`; of `known` fields none is made again.

    Who has a number can be reached by text and on WhatsApp.
    """
    schemes = "+".join(_NUMBERS) if scheme in _NUMBERS else scheme
    return "name", f"address:{schemes}", "field:city" if "city" in known else "new:City"


def csv(count: int, address: Callable[[int], str]) -> bytes:
    """Return the file with `count` people; `address` gives the n-th one nobody else has."""
    return "\n".join(_lines(count, address)).encode()


def _lines(count: int, address: Callable[[int], str]) -> Iterator[str]:
    yield "Name,Address,City"
    for n in range(count):
        name = "" if n % _NAMELESS == _NAMELESS - 1 else f"{_FIRST[n % len(_FIRST)]} {_LAST[n % len(_LAST)]}"
        yield f"{name},{address(n)},{_CITIES[n % len(_CITIES)]}"
