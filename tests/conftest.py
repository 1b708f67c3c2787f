"""What every test process does before it computes, as the command does."""

import os
from unittest import mock

from mu2.cli.process import keep_compiled_programs

# Most of the suite's time goes into compiling the same small programs, hence all of them are kept.
# JAX reads the environment once; the processes that tests start find it as it was.
with mock.patch.dict(os.environ):
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    keep_compiled_programs()
    import jax  # noqa: F401
