"""What a report shows of a system: its tasks, paths, components, children and commits.

Plain frozen data, made once by `read_history`; whatever draws looks at nothing else, so that no
chart depends on how a system is stored.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

Predictions = tuple[Sequence[int], Sequence[int], Sequence[float]]


@dataclasses.dataclass(frozen=True)
class KeptComponent:
    """A component of a path that some commit kept.

    Attributes:
      id: `<path that made it>/<name>`.
      name: its place in the network.
      size: number of parameters.
      task: the task whose path made it; None for a root's.
      source: id of the component that it was cloned or resampled from; None where it began fresh
        or nothing is known of it.
    """

    id: str
    name: str
    size: int
    task: str | None
    source: str | None


@dataclasses.dataclass(frozen=True)
class KeptPath:
    """A root, or a path that a task kept after one of its iterations.

    Attributes:
      id: `<task>/<iteration>/<child>`, or `root/<model>/<name>`.
      task: the task it solves; None for a root.
      parent: id of the path it was made from, dead or alive; None for a root.
      components: ids of its components in forward order.
      hyperparameters: resolved.
      model: text that identifies the architecture.
      private: it is no seed for other tasks.
      flops: of a forward pass for one example.
      quality: best validation accuracy in [0, 1].
      score: quality with size decay.
      test_accuracy: in [0, 1].
    """

    id: str
    task: str | None
    parent: str | None
    components: tuple[str, ...]
    hyperparameters: Mapping[str, Any]
    model: str
    private: bool
    flops: float
    quality: float | None
    score: float | None
    test_accuracy: float | None


@dataclasses.dataclass(frozen=True)
class LoggedChild:
    """A child, as the log tells of it.

    Attributes:
      path: id of its path, whether or not it was kept.
      task: its task.
      iteration: its task iteration, from 0.
      generation: its generation within the task iteration, from 0.
      number: its number within the task iteration, from 0.
      parent: id of its parent.
      parent_task: task of its parent; None for a root.
      quality: best validation accuracy in [0, 1]; None if it diverged.
      qualities: validation accuracy after each interval.
      score: quality with size decay; None if it diverged.
      score_to_reach: score that it had to reach to be kept; None where any would do.
      retained: it was kept while its task iteration lasted.
      diverged: a loss was NaN or infinite.
      stopped: its training was ended early.
      actions: component name to `share`, `clone`, `resample`, `new` or `solve`.
      trained_parameters: parameters that were trained.
      parameters: parameters of its path.
      steps: training steps.
      flops: floating-point operations that it took.
      seconds: wall time; None where it was not noted.
      hyperparameters: resolved.
      probes: accuracy in [0, 1] of each seed that was probed before it, by the seed's id.
    """

    path: str
    task: str
    iteration: int
    generation: int
    number: int
    parent: str
    parent_task: str | None
    quality: float | None
    qualities: tuple[float, ...]
    score: float | None
    score_to_reach: float | None
    retained: bool
    diverged: bool
    stopped: bool
    actions: Mapping[str, str]
    trained_parameters: int
    parameters: int
    steps: int
    flops: float
    seconds: float | None
    hyperparameters: Mapping[str, Any]
    probes: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class HistoryCommit:
    """One commit.

    Attributes:
      number: counted from 1.
      message: what it was for.
      task: the task whose iteration ended with it; None where none did.
      paths: task to id of its kept path, for the tasks whose path it changed.
      children: children that were trained before it.
    """

    number: int
    message: str
    task: str | None
    paths: Mapping[str, str]
    children: int


@dataclasses.dataclass(frozen=True)
class HistoryTask:
    """A task.

    Attributes:
      name: its name.
      class_names: one a class, in label order.
      private: its path is no seed for other tasks.
      input: the kind of its examples.
      iterations: task iterations finished.
      path: id of its kept path; None before the first iteration is finished.
      predictions: what its path made of each test example: true class, predicted class and its
        probability; None where the system has none.
    """

    name: str
    class_names: tuple[str, ...]
    private: bool
    input: str
    iterations: int
    path: str | None
    predictions: Predictions | None = None


@dataclasses.dataclass(frozen=True)
class History:
    """A system as a report shows it.

    Attributes:
      name: of its folder.
      tasks: in order of introduction.
      paths: every root and every path that a commit kept, by id.
      components: every component of these paths, by id.
      children: in the order of the log.
      commits: oldest first.
      complete: its last run is finished.
      settings: Gin bindings of its last run, name to text.
      under_way: of the task iterations that are not over: task, iteration, generations done.
      titles: task to the name that it is shown by, where that is another than its own.
    """

    name: str
    tasks: tuple[HistoryTask, ...]
    paths: Mapping[str, KeptPath]
    components: Mapping[str, KeptComponent]
    children: tuple[LoggedChild, ...]
    commits: tuple[HistoryCommit, ...]
    complete: bool
    settings: Mapping[str, str]
    under_way: tuple[tuple[str, int, int], ...] = ()
    titles: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def with_titles(self) -> "History":
        """The same, each task under the name that it is shown by; ids of paths keep its own."""
        if not self.titles:
            return self

        def renamed(part: Any, *fields: str) -> Any:
            names = {field: getattr(part, field) for field in fields}
            shown = {field: self.titles.get(name, name) for field, name in names.items()}
            return part if shown == names else dataclasses.replace(part, **shown)

        commits = (
            dataclasses.replace(
                commit, paths={self.titles.get(n, n): path for n, path in commit.paths.items()}
            )
            for commit in self.commits
        )
        return dataclasses.replace(
            self,
            tasks=tuple(renamed(task, "name") for task in self.tasks),
            paths={name: renamed(path, "task") for name, path in self.paths.items()},
            components={name: renamed(each, "task") for name, each in self.components.items()},
            children=tuple(renamed(child, "task", "parent_task") for child in self.children),
            commits=tuple(renamed(commit, "task") for commit in commits),
            under_way=tuple(
                (self.titles.get(name, name), iterations, generations)
                for name, iterations, generations in self.under_way
            ),
            titles={},
        )

    @functools.cached_property
    def by_path(self) -> Mapping[str, LoggedChild]:
        """Path id to child; of a child that was trained again after a stop, the last."""
        return {child.path: child for child in self.children}

    @functools.cached_property
    def by_task(self) -> Mapping[str, tuple[LoggedChild, ...]]:
        """Task name to its children, in the order of the log."""
        found: dict[str, list[LoggedChild]] = {task.name: [] for task in self.tasks}
        for child in self.children:
            found.setdefault(child.task, []).append(child)
        return {task: tuple(children) for task, children in found.items()}

    @functools.cached_property
    def kept_paths(self) -> Mapping[str, KeptPath]:
        """Task name to the path it keeps, in order of introduction."""
        return {task.name: self.paths[task.path] for task in self.tasks if task.path is not None}

    @functools.cached_property
    def users(self) -> Mapping[str, tuple[str, ...]]:
        """Component id to the tasks whose kept paths use it, in order of introduction."""
        found: dict[str, list[str]] = {}
        for task, path in self.kept_paths.items():
            for component in path.components:
                found.setdefault(component, []).append(task)
        return {component: tuple(tasks) for component, tasks in found.items()}

    @functools.cached_property
    def live(self) -> tuple[str, ...]:
        """Ids of the components of all live paths: the roots and each task's kept path."""
        roots = [path for path in self.paths.values() if path.task is None]
        paths = [*roots, *self.kept_paths.values()]
        return tuple(dict.fromkeys(c for path in paths for c in path.components))

    def parameters(self, components: Sequence[str]) -> int:
        """Sum of the sizes of some components, each counted once."""
        return sum(self.components[component].size for component in dict.fromkeys(components))

    def lineage(self, path: str) -> tuple[str, ...]:
        """A path and its ancestors at birth, nearest first, as far back as is known."""
        found: dict[str, None] = {}
        here: str | None = path
        while here is not None and here not in found:
            found[here] = None
            if here in self.by_path:
                here = self.by_path[here].parent
            else:
                here = self.paths[here].parent if here in self.paths else None
        return tuple(found)
