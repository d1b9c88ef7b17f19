"""What the simulated SMSC can be asked to do: whom it admits, what becomes of messages, what goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Options:
    """Shares are percent of all destinations; times are seconds; `every` counts submit_sm, 0 is never.

    A destination's fate depends on `seed` and its digits alone, so it is the same in every run.
    """

    accounts: Mapping[str, str] = field(default_factory=lambda: {"pulse": "pulse"})
    """Passwords by system_id."""

    alphabet: str = "gsm7"
    """What data coding 0 means: gsm7, latin1 or ascii."""

    seed: int = 0
    undeliverable: int = 0
    expired: int = 0
    rejected: int = 0
    """Shares; all other messages are delivered."""

    refuse: Mapping[str, int] = field(default_factory=dict)
    """command_status by destination, in digits."""

    throttle_every: int = 0
    most_per_second: int = 0
    """Above either, ESME_RTHROTTLED; 0 is no limit."""

    stall_every: int = 0
    """Accept, and never answer."""

    drop_every: int = 0
    """Accept, and cut the connection instead of answering."""

    receipt_delay: float = 0
    receipt_form: str = "both"
    """Where a receipt says what it says: tlv, text or both."""

    is_early: bool = False
    """Receipts before the answers they belong to."""

    is_shuffled: bool = False
    is_duplicated: bool = False

    answer_ids: str = "decimal"
    receipt_ids: str = "decimal"
    """Message ids are written decimal or hex."""

    delivery_window: int = 500
    """deliver_sm that may await an answer in one session."""

    retry_after: float = 1
    """When a deliver_sm that was refused comes again."""

    def __post_init__(self) -> None:
        lost = self.undeliverable + self.expired + self.rejected
        if lost > 100:
            raise ValueError(f"The shares of undelivered messages add up to {lost} percent.")
