"""People at the admin: one who may do everything, one who may read calls but see no whole number."""

import pytest

from tests import factories


@pytest.fixture
def owner(client, db):
    client.force_login(factories.make_superuser())
    return client


@pytest.fixture
def clerk(client, db):
    client.force_login(factories.make_staff("calls.view_call", "calls.view_message", "calls.change_message"))
    return client
