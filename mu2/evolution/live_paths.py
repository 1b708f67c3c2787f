"""The live paths of a system, and who uses which component."""

import dataclasses
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

from mu2.evolution.path import Path

Users = frozenset[str | None]
_NOBODY: Users = frozenset()


class Head(NamedTuple):
    """What is asked of every live path, whether or not it is made yet.

    Attributes:
      id: the path's.
      task: the task it solves; None for a root.
      parent: id of its parent.
      private: it is no seed for other tasks.
      model: text that identifies the architecture.
      layers: name and signature of each component.
      components: their ids.
      birth: see `Path.birth`.
    """

    id: str
    task: str | None
    parent: str | None
    private: bool
    model: str
    layers: frozenset[tuple[str, str]]
    components: Sequence[str]
    birth: int = 0

    @classmethod
    def of(cls, path: Mapping[str, Any]) -> "Head":
        """That of a path's JSON document."""
        components = path["components"]
        return cls(
            id=path["id"],
            task=path["task"],
            parent=path["parent"],
            private=path["private"],
            model=path["model"],
            layers=frozenset((c["name"], c["signature"]) for c in components),
            components=[c["id"] for c in components],
            birth=path.get("birth", 0),
        )


class LivePaths(Mapping[str, Path]):
    """Every live path by id: the roots and each task's kept path. It does not change.

    A path of a thousand is made when it is asked for; of the others the heads are enough.

    Args:
      paths: of each task one at most.
    """

    def __init__(self, paths: Iterable[Path] = ()):
        self._heads: dict[str, Head] = {}
        self._users: dict[str, Users] = {}
        self._unmade: dict[str, Callable[[], Path]] = {}
        self._paths: dict[str, Path] = {}
        for path in paths:
            self._add(_head(path))
            self._paths[path.id] = path

    @classmethod
    def of(cls, unmade: Iterable[tuple[Head, Callable[[], Path]]]) -> "LivePaths":
        """Paths by their heads and what makes them."""
        live_paths = cls()
        for head, make in unmade:
            live_paths._add(head)
            live_paths._unmade[head.id] = make
        return live_paths

    def __getitem__(self, path: str) -> Path:
        if path not in self._paths:
            self._paths[path] = self._unmade[path]()
        return self._paths[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._heads)

    def __len__(self) -> int:
        return len(self._heads)

    @property
    def heads(self) -> Iterable[Head]:
        """Those of all paths; makes none."""
        return self._heads.values()

    def newest_first(self, paths: Collection[str]) -> tuple[str, ...]:
        """Some of the paths by falling birth; where that is the same, the last introduced first."""
        known = [head for head in self._heads.values() if head.id in paths]
        return tuple(head.id for head in sorted(known, key=lambda head: head.birth)[::-1])

    def users(self, component: str) -> Users:
        """Who uses a component, by its id: tasks, and None for a root.

        A component is locked by every other task whose kept path uses it, and by the root that
        made it; the active task's own locks are lifted. Locks follow from the live paths and are
        never stored (docs/method.md, Components).
        """
        return self._users.get(component, _NOBODY)

    def replace(self, gone: Iterable[Path], new: Iterable[Path]) -> Self:
        """The live paths after some have gone and others have come; looks at no others.

        Args:
          gone: live paths.
          new: of each task one at most, and none that still has another.
        """
        made = type(self)()
        made._heads, made._users = dict(self._heads), dict(self._users)
        made._unmade, made._paths = dict(self._unmade), dict(self._paths)
        for path in gone:
            del made._heads[path.id]
            made._paths.pop(path.id, None)
            made._unmade.pop(path.id, None)
            for component in path.components:
                users = made._users[component.id] - {path.task}
                if users:
                    made._users[component.id] = users
                else:
                    del made._users[component.id]
        for path in new:
            made._add(_head(path))
            made._paths[path.id] = path
        return made

    def _add(self, head: Head) -> None:
        self._heads[head.id] = head
        for component in head.components:
            self._users[component] = self.users(component) | {head.task}


class UnlockedComponents(Container[str]):
    """The ids of components that neither another task nor a root uses: the task's own."""

    def __init__(self, paths: LivePaths, task: str):
        self._paths, self._task = paths, task

    def __contains__(self, component: object) -> bool:
        return isinstance(component, str) and not self._paths.users(component) - {self._task}


def _head(path: Path) -> Head:
    components = [dataclasses.asdict(component) for component in path.components]
    return Head.of({**vars(path), "components": components})
