"""This site's settings. The only place that reads the environment; edit it to set values in code."""

import os

from connectpulse.core.domain.settings import from_mapping

settings = from_mapping(os.environ)
