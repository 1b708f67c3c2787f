"""mu2: Gin files in, evolved multitask networks out. The public surface.

    import mu2

    system = mu2.run("gin/quickstart.gin", "systems/first")   # evolve; or mu2.open(...)
    system.tasks                                              # ('digits', 'latin', ...)
    classes, probabilities = system.predict("digits", ["seven.png"])
    apply, params = system.apply_fn("digits")                 # for jax.jit and jax.grad
    system.extend("more.gin")                                 # the same system learns more tasks

`import mu2` loads neither jax nor numpy; the first call does.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mu2.api import Experiment, Mu2Error, OpenSystem, Prediction, load, run

__all__ = ["Experiment", "Mu2Error", "OpenSystem", "Prediction", "load", "open", "run"]


def open(directory: str | os.PathLike[str], at: str | None = None) -> "OpenSystem":
    """Opens a system for questions and for more runs.

    Args:
      directory: its folder.
      at: a commit of its history, by number or name (`mu2 log` lists them); None: the newest.

    Raises:
      Mu2Error: there is no system or no such commit, or it is of another format or damaged.
    """
    from mu2.api import OpenSystem

    return OpenSystem(directory, at)


def __getattr__(name: str) -> Any:
    if name in __all__:
        from mu2 import api

        return getattr(api, name)
    raise AttributeError(f"module 'mu2' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
