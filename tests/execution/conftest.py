"""What the tests of executors have in common."""

import pytest

from tests.execution import children


@pytest.fixture(scope="session")
def generation():
    """Four children of one task; see `children.generation`."""
    return children.generation()


@pytest.fixture(scope="session")
def local():
    """The workers of this process."""
    return children.local()


@pytest.fixture(scope="session")
def trained():
    """What becomes of the generation in this process."""
    return children.trained()
