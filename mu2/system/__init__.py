"""A system on disk: all live paths over one parameter store; what users keep, and ask.

The names below load their modules when they are first used: `environment` serves processes that
have not loaded jax yet.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mu2.evolution.path import Path
    from mu2.system.inference import Inference, Prediction
    from mu2.system.record import Progress, TaskRecord
    from mu2.system.system import System
    from mu2.system.system_root import SystemRoot
    from mu2.system.writable import WritableSystem

_MODULES = {
    "Inference": "inference",
    "Path": "system",
    "Prediction": "inference",
    "Progress": "record",
    "System": "system",
    "SystemRoot": "system_root",
    "TaskRecord": "record",
    "WritableSystem": "writable",
}

__all__ = [
    "Inference",
    "Path",
    "Prediction",
    "Progress",
    "System",
    "SystemRoot",
    "TaskRecord",
    "WritableSystem",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"mu2.system.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
