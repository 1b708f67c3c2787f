"""Property tests draw the same examples everywhere, and a slow machine fails none of them."""

import hypothesis
import pytest

from tests.evolution import toys

hypothesis.settings.register_profile(
    "mu2",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("mu2")


@pytest.fixture
def system():
    """A root and three tasks: b shares the embedding with the root and a block with a; c with b."""
    root = toys.path("root/random")
    a = toys.path("a/0/0", shares=[root.component("embedding")])
    block = a.component("encoderblock_0")
    b = toys.path("b/0/0", shares=[root.component("embedding"), block])
    c = toys.path("c/0/0", shares=[block], private=True)
    return toys.live(root, a, b, c)
