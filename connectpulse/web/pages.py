"""The door for plugins' pages: the hardened view and what it is filled with.

Kept apart from `connectpulse.core.api`, because the core of the house knows no pages. A name that is here
stays; the rest of the panel may change in any release.
"""

from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access, permission_name

from . import chart
from .current import later_work, platform_work, work
from .files import csv_file, csv_stream
from .panel.cells import Column, Filter, badge, link, yes_no
from .panel.noun import NounView
from .security.roles import APPROVE, PLUGIN_PAGES, READ, WRITE
from .witness import Reading

__all__ = [
    "APPROVE",
    "PLUGIN_PAGES",
    "READ",
    "WRITE",
    "BaseView",
    "Column",
    "Filter",
    "NounView",
    "Reading",
    "badge",
    "chart",
    "csv_file",
    "csv_stream",
    "expose",
    "has_access",
    "later_work",
    "link",
    "permission_name",
    "platform_work",
    "work",
    "yes_no",
]
