"""What the simulated Cloud API can be asked to do: whom it admits, what it tells, what goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ACCOUNT_ID: Final = "102290129340398"
NUMBER: Final = "+923001234567"
NUMBER_ID: Final = "106540352242922"
TOKEN: Final = "trial-access-token"  # noqa: S105 - of an account that leads nowhere
APP_SECRET: Final = "trial-app-secret"  # noqa: S105
VERIFY_TOKEN: Final = "trial-verify-token"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Options:
    """Times are seconds; `every` counts messages that are accepted, 0 is never."""

    numbers: Mapping[str, str] = field(default_factory=lambda: {NUMBER_ID: NUMBER})
    """Numbers by phone number id."""

    account_id: str = ACCOUNT_ID
    token: str = TOKEN
    app_secret: str = APP_SECRET
    verify_token: str = VERIFY_TOKEN

    undeliverable: int | None = None
    """Percent of recipients who are not on WhatsApp; with None their last two digits decide: see `fates`."""

    lag: float = 0
    """Between the answer and the first state that is told."""

    delay: float = 0
    """Between sent, delivered and read."""

    batch: int = 200
    """Statuses in one webhook at most."""

    gather: float = 0
    """How long a state waits for others to be told with; a webhook that is full goes at once."""

    callers: int = 4
    """Webhooks under way at once."""

    retry_after: float = 1
    """When a webhook comes again that was not answered with 2xx."""

    most_per_second: int = 0
    """Above it, error 130429; 0 is no limit."""

    pair_limit: int = 0
    """Messages to one person within six seconds; above it, error 131056; 0 is no limit."""

    lose_every: int = 0
    """Accept, and cut the connection instead of answering."""

    stall_every: int = 0
    """Accept, and never answer."""

    is_early: bool = False
    """Webhooks before the answers they belong to."""

    is_shuffled: bool = False
    is_duplicated: bool = False

    is_strict: bool = False
    """Whether templates must have been submitted and approved; else any name may be sent."""

    review_after: float = 0
    """Until a template that was submitted is decided about."""

    def __post_init__(self) -> None:
        if self.batch < 1 or self.callers < 1:
            raise ValueError("A webhook holds at least one status, and at least one is under way.")
        if not 0 <= (self.undeliverable or 0) <= 100:
            raise ValueError("A share lies between 0 and 100 percent.")


def settings(options: Options, base_url: str) -> dict[str, str]:
    """Return the settings of a connection to a simulator at `base_url`."""
    return {
        "numbers": "\n".join(f"{number} = {number_id}" for number_id, number in options.numbers.items()),
        "account_id": options.account_id,
        "access_token": options.token,
        "app_secret": options.app_secret,
        "verify_token": options.verify_token,
        "base_url": base_url,
        "countries": "PK",
    }
