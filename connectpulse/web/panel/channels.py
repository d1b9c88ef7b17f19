"""Channels as people call them, and the one that a new thing begins with."""

import re

from sqlalchemy import select

from ...core.storage.models import Route
from .. import current


def channel_title(name: str) -> str:
    """Return how people call a channel; its name if its plugin is gone."""
    channel = current.the_house().registry.channels.get(name)
    return channel.title if channel is not None else name


def usual_channel() -> str:
    """Return the channel that a new template or campaign begins with: the first that messages can take, else the
    first there is; empty where there is none.
    """
    with current.work() as work:
        routed = set(work.session.scalars(select(Route.channel).where(Route.is_active).distinct()))
    names = list(current.the_house().registry.channels)
    return next((name for name in names if name in routed), next(iter(names), ""))


def in_words(name: str) -> str:
    """Return a reason's name, like `not_on_whatsapp`, as people read it; channels keep the spelling of their titles."""
    words = name.replace("_", " ").capitalize()
    for channel in current.the_house().registry.channels.values():
        words = re.sub(rf"\b{re.escape(channel.name)}\b", channel.title, words, flags=re.IGNORECASE)
    return words
