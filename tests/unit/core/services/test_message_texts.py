"""What the message log shows of texts that only their recipient may read."""

import pytest

from connectpulse.core.services import messages


@pytest.mark.parametrize("page", ["confirm", "status", "package"])
def test_a_code_that_proves_who_somebody_is_is_shown_to_nobody(page: str) -> None:
    shown = messages.readable(f"TU9CPMEE is your code: Delete my data. https://pulse.example/privacy/{page}/2-abcdef")
    assert "TU9CPMEE" not in shown
    assert "abcdef" not in shown


def test_every_other_text_is_shown_as_it_was_sent() -> None:
    for text in ("Dear Amina, 20 % off today", "Read https://pulse.example/privacy", ""):
        assert messages.readable(text) == text
