"""The route of the page that shows what was spent."""

from connectpulse.web.security.roles import READ
from tests.house.declared import Door

DOORS = {"SpendingView.show": Door(READ, "Units")}
