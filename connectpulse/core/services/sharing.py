"""What messages of one content and sender have in common, kept by each worker so that it is read once.

Messages of a campaign name their template version by their dispatch. A single message, which may have none, holds
its content in `extra` under `CONTENT`.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from ..domain.contracts import Channel, Purpose
from ..domain.provider import Submission
from ..errors import PulseError
from ..storage.models import TemplateVersion
from . import campaigns, ways_out
from .retries import Source
from .work import Work, entered

log = structlog.get_logger(__name__)

CONTENT = "content"
KEPT = 60.0
"""Seconds until a worker looks again: whoever changes a key or a file sees it used after that."""
MOST_KEPT = 200

Shared = Mapping[str, Any]
_Key = tuple[int, str, str, int]


class Shelf:
    """What one worker keeps at hand. `public_url` is where ways out lead."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._kept: OrderedDict[_Key, tuple[float, Shared]] = OrderedDict()

    def stock(self, work: Work, source: Source) -> None:
        """Read what a dispatch's messages share before any is taken; its campaign pauses where that is refused."""
        channel = work.registry.channel(source.channel)
        if not channel.is_shared or source.version_id is None:
            return
        try:
            self._of_version(work, channel, source, source.version_id)
        except PulseError as refusal:
            if source.campaign_id:
                campaigns.pause_for(work, [source.campaign_id], f"{channel.title}: {refusal}"[:300])

    def furnish(self, work: Work, source: Source, batch: Sequence[Submission]) -> Sequence[Submission]:
        """Return the batch with what its channel wants beside each message."""
        channel = work.registry.channel(source.channel)
        if channel.is_shared:
            campaign_id = source.campaign_id or None
            batch = [
                each._replace(campaign_id=campaign_id, **self._share(work, channel, source, each)) for each in batch
            ]
        if channel.has_way_out and self._public_url and source.purpose == Purpose.PROMOTIONAL:
            batch = [each._replace(way_out=ways_out.address(self._public_url, each.message_id)) for each in batch]
        return batch

    def _share(self, work: Work, channel: Channel, source: Source, each: Submission) -> dict[str, Any]:
        extra = dict(each.extra or {})
        content = extra.pop(CONTENT, None)
        try:
            if content is None and source.version_id is not None:
                return {"shared": self._of_version(work, channel, source, source.version_id)}
            with entered(work, source.organisation_id):
                return {"shared": channel.share(work, source.sender, content or {}), "extra": extra}
        except PulseError as refusal:  # the provider refuses what it cannot make whole
            log.warning("not_shared", message=each.message_id, error=str(refusal)[:200])
            return {"shared": None, "extra": extra}

    def _of_version(self, work: Work, channel: Channel, source: Source, version_id: int) -> Shared:
        key = (source.organisation_id, channel.name, source.sender, version_id)
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < KEPT:
            self._kept.move_to_end(key)
            return kept[1]
        with entered(work, source.organisation_id):
            version = work.session.get(TemplateVersion, version_id)
            fresh = channel.share(work, source.sender, version.content if version is not None else {})
        shared = kept[1] if kept is not None and kept[1] == fresh else fresh
        self._kept[key] = (now, shared)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return shared
