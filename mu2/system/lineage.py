"""Lineage: what becomes of the paths that descend from one that goes."""

import dataclasses

from mu2.evolution import engine
from mu2.system.record import TaskRecord
from mu2.system.system import System


def relink_children(system: System, record: TaskRecord) -> tuple[TaskRecord, ...]:
    """The records of other tasks whose path is a child of this one's, which goes.

    Its own parent takes its place in them.

    Args:
      system: holds them all.
      record: of the task whose path goes.
    """
    if record.path is None:
        return ()
    return tuple(
        dataclasses.replace(system.task(child.task), path=child)
        for child in engine.orphans(system.paths(), record.path)
        if child.task is not None and child.task != record.name
    )
