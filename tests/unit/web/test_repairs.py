"""Requests do not see each other's filters."""

from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from flask_appbuilder.models.filters import Filters
from flask_appbuilder.models.sqla.filters import FilterEqual
from flask_appbuilder.models.sqla.interface import SQLAInterface

from connectpulse.core.storage.models import ContactList
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.web.panel.audience import ContactListView
from tests.journeys.panel_scene import panel


def values_in_a_request_of_its_own(app: Flask, view: ContactListView) -> list[object]:
    with app.test_request_context():
        found: list[object] = list(view._filters.values)
        return found


def test_filters_belong_to_a_request(house: House) -> None:
    app: Flask = panel(house, factories.organisation(house))
    view = next(each for each in app.extensions["appbuilder"].baseviews if isinstance(each, ContactListView))
    with app.test_request_context():
        view._filters.add_filter("id", FilterEqual, 7)
        assert view._filters.values == [7]
        with ThreadPoolExecutor(1) as other:
            assert other.submit(lambda: values_in_a_request_of_its_own(app, view)).result() == []
        assert view._filters.values == [7]
    with app.test_request_context():
        assert view._filters.values == []
    assert isinstance(view._filters, Filters)
    assert isinstance(view.datamodel, SQLAInterface)
    assert view.datamodel.obj is ContactList
