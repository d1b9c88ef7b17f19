"""What we mend in Flask-AppBuilder until it is mended there."""

import copy
from typing import Any

from flask import g, has_request_context
from flask_appbuilder.baseviews import BaseModelView

_KEPT = "_filters_of_view"


def install() -> None:
    """Give every request filters of its own.

    A view keeps its filters on itself and refills them for each request, so that under threads one request
    could read, and save, what another asked for. Pages of plugins that are plain FAB views need this.
    """
    BaseModelView._filters = property(_of_request, _keep)  # noqa: SLF001 - the defect is there


def _of_request(view: Any) -> Any:
    kept = view.__dict__.get(_KEPT)
    if kept is None or not has_request_context():
        return kept
    ours = g.setdefault("filters_of_views", {})
    if id(view) not in ours:
        ours[id(view)] = copy.copy(kept)
        ours[id(view)].clear_filters()
    return ours[id(view)]


def _keep(view: Any, filters: Any) -> None:
    view.__dict__[_KEPT] = filters
