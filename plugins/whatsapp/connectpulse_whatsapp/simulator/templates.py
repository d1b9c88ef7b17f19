"""Templates at the simulator: submitted, decided about after a while, and asked for when one is sent.

A body with the word REJECT is rejected; everything else is approved.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any, Final

from .errors import Failure
from .options import Options
from .webhooks import Webhooks

_VARIABLE: Final = re.compile(r"\{\{\s*\w+\s*\}\}")
_EVENTS: Final = ("APPROVED", "REJECTED", "PAUSED", "DISABLED", "PENDING", "FLAGGED", "REINSTATED", "ARCHIVED")


class Templates:
    """Those of the account, by id."""

    def __init__(self, options: Options, webhooks: Webhooks) -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self._options = options
        self._webhooks = webhooks
        self._reviews: set[asyncio.Task[None]] = set()

    def submit(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take a template for review; raise Failure for one that is there or is none."""
        if not re.fullmatch(r"[a-z0-9_]{1,512}", str(asked.get("name", ""))) or not asked.get("components"):
            raise Failure(100, "A template needs a name of small letters, and components.")
        if any(_key(each) == _key(asked) for each in self.known.values()):
            raise Failure(100, "Content in this language already exists")
        made = {
            "id": str(594_425_479_261_596 + len(self.known)),
            "status": "PENDING",
            "category": str(asked.get("category", "MARKETING")).upper(),
            **{name: asked[name] for name in ("name", "language", "components", "parameter_format") if name in asked},
        }
        self.known[made["id"]] = made
        self._begin(made)
        return {name: made[name] for name in ("id", "status", "category")}

    def edit(self, template_id: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take a refused template for review once more; raise Failure for one that is being reviewed."""
        template = self.known[template_id]
        if template["status"] == "PENDING" or not asked.get("components"):
            raise Failure(100, "Message templates cannot be edited while they are in review.")
        template |= {"status": "PENDING", "components": asked["components"]}
        self._begin(template)
        return {"success": True}

    def _begin(self, template: dict[str, Any]) -> None:
        review = asyncio.create_task(self._review(template))
        self._reviews.add(review)
        review.add_done_callback(self._reviews.discard)

    def close(self) -> None:
        """End the reviews that are under way."""
        for review in self._reviews:
            review.cancel()

    def list(self, name: str | None) -> dict[str, Any]:
        """Return the templates, or those of one name, newest first."""
        rows = [each for each in reversed(list(self.known.values())) if name in (None, each["name"])]
        return {"data": rows, "paging": {"cursors": {"before": "MAZDZD", "after": "MjQZD"}}}

    def decide(self, template_id: str, event: str, reason: str = "NONE") -> None:
        """Let the reviewers say something about a template, and tell it; raise Failure for what cannot be."""
        template = self.known.get(template_id)
        if template is None or event not in _EVENTS:
            raise Failure(33)
        template["status"] = event
        value = _named(template) | {"event": event, "reason": reason, "message_template_category": template["category"]}
        self._webhooks.tell("message_template_status_update", value)

    def bill_as(self, template_id: str, category: str) -> None:
        """Let a template be billed as another category from now on, and tell it."""
        template = self.known.get(template_id)
        if template is None:
            raise Failure(33)
        before, template["category"] = template["category"], category.upper()
        value = _named(template) | {"previous_category": before, "new_category": category.upper()}
        self._webhooks.tell("template_category_update", value)

    def check(self, sent: Mapping[str, Any]) -> str:
        """Return the category a message's template is billed as; raise Failure where it may not be sent."""
        language = sent.get("language")
        key = (sent.get("name"), language.get("code") if isinstance(language, dict) else None)
        template = next((each for each in self.known.values() if _key(each) == key), None)
        if template is None:
            if self._options.is_strict:
                raise Failure(132001)
            return "marketing"
        if template["status"] == "PAUSED":
            raise Failure(132015)
        if template["status"] not in ("APPROVED", "REINSTATED", "FLAGGED"):
            raise Failure(132001)
        if _given(sent) != _wanted(template):
            raise Failure(132000, f"body: number of localizable_params ({_given(sent)}) does not match the expected "
                          f"number of params ({_wanted(template)})")  # fmt: skip
        return str(template["category"]).lower()

    async def _review(self, template: dict[str, Any]) -> None:
        await asyncio.sleep(self._options.review_after)
        is_bad = "REJECT" in str(template["components"])
        self.decide(template["id"], "REJECTED" if is_bad else "APPROVED", "INVALID_FORMAT" if is_bad else "NONE")


def _key(template: Mapping[str, Any]) -> tuple[Any, Any]:
    return template.get("name"), template.get("language")


def _named(template: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "message_template_id": int(template["id"]),
        "message_template_name": template["name"],
        "message_template_language": template["language"],
        "disable_date": int(time.time()),
    }


def _wanted(template: Mapping[str, Any]) -> int:
    """Return how many values the body of a template takes; Meta writes the sentence around a code itself."""
    if template["category"] == "AUTHENTICATION":
        return 1
    bodies = [each for each in template["components"] if str(each.get("type", "")).upper() == "BODY"]
    return len(set(_VARIABLE.findall(str(bodies[0].get("text", ""))))) if bodies else 0


def _given(sent: Mapping[str, Any]) -> int:
    bodies = [each for each in sent.get("components") or () if each.get("type") == "body"]
    return len(bodies[0].get("parameters") or ()) if bodies else 0
