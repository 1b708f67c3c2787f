"""Growth: what each task iteration added to a system, and what it took."""

import dataclasses

from mu2.evolution.rules import HEAD
from mu2.report.charts import Axis, Chart, Panels, Series
from mu2.report.history import History
from mu2.report.system_charts import iterations


@dataclasses.dataclass(frozen=True)
class GrowthStep:
    """One task iteration.

    Attributes:
      task: whose iteration it was.
      added: parameters of the layers that its path has and no root or live path had before,
        without the head.
      head: parameters of its head.
      active: parameters of its path, the head too.
      system: parameters of the roots and of all live paths after it, each layer once.
      unshared: what these would be if each path had layers of its own.
      forward_flops: of its path for one example.
      flops: floating-point operations of its children.
      seconds: wall time of its children; None where it was not noted.
      test_accuracy: of its path, in [0, 1].
    """

    task: str
    added: int
    head: int
    active: int
    system: int
    unshared: int
    forward_flops: float
    flops: float
    seconds: float | None
    test_accuracy: float | None


def growth_steps(history: History) -> tuple[GrowthStep, ...]:
    """Every task iteration of a system, in order."""
    roots = [path for path in history.paths.values() if path.task is None]
    rooted = {component for path in roots for component in path.components}
    known, done, found = set(rooted), 0, []
    for _, task, paths, children in iterations(history):
        path = paths[task]
        sizes = {c: history.components[c].size for c in path.components if c not in known}
        head = sum(history.components[c].size for c in path.components if _is_head(history, c))
        live = rooted.union(*(each.components for each in paths.values()))
        trained = [child for child in history.children[done:children] if child.task == task]
        times = [child.seconds for child in trained]
        found.append(
            GrowthStep(
                task,
                added=sum(size for c, size in sizes.items() if not _is_head(history, c)),
                head=head,
                active=history.parameters(path.components),
                system=history.parameters(tuple(live)),
                unshared=sum(history.parameters(each.components) for each in paths.values()),
                forward_flops=path.flops,
                flops=sum(child.flops for child in trained),
                seconds=None if None in times else sum(time or 0.0 for time in times),
                test_accuracy=path.test_accuracy,
            )
        )
        known, done = live, children
    return tuple(found)


def _is_head(history: History, component: str) -> bool:
    return history.components[component].name == HEAD


def growth_panels(history: History) -> Panels:
    """What the claims of growth are about, one above the other over the task iterations."""
    steps = growth_steps(history)
    x = tuple(float(number) for number in range(1, len(steps) + 1))

    def series(name: str, attribute: str) -> Series:
        return Series(name, x, tuple(getattr(step, attribute) for step in steps))

    def chart(kind: str, y: Axis, *lines: Series) -> Chart:
        return Chart(kind, "", "", "lines", Axis("task iteration", "count"), y, lines)

    parameters = Axis("parameters", "count", log=True)
    return Panels(
        kind="growth",
        title="Growth",
        caption="By task iteration: parameters added, the head apart; parameters that the task's "
        "path uses, beside those of the system and those that paths without a layer in common "
        "would have; operations and wall time of its children; test accuracy of its path, which "
        "never changes afterwards.",
        charts=(
            chart(
                "added",
                Axis("added", "count"),
                series("layers", "added"),
                series("head", "head"),
            ),
            chart(
                "active",
                parameters,
                series("active", "active"),
                series("in the system", "system"),
                series("if nothing were shared", "unshared"),
            ),
            chart("flops", Axis("operations", "flops"), series("of its children", "flops")),
            chart("seconds", Axis("wall time", "seconds"), series("of its children", "seconds")),
            chart("accuracy", Axis("test accuracy", "percent"), series("test", "test_accuracy")),
        ),
    )
