"""A system of a user's own data: images in folders, a table, texts."""

import pytest

import mu2
from tests import own_data


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return own_data.system(tmp_path_factory)


@pytest.fixture(scope="module")
def system(made):
    return mu2.open(made.directory)
