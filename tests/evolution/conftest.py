"""Property tests draw the same examples everywhere, and a slow machine fails none of them."""

import hypothesis

hypothesis.settings.register_profile(
    "mu2",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("mu2")
