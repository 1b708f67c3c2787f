"""The live paths of a system, and who uses which component."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

from mu2.evolution.path import Path

Users = frozenset[str | None]
_NOBODY: Users = frozenset()


class Living(Mapping[str, Path]):
    """Every live path by id: the roots and each task's kept path. It does not change.

    Args:
      paths: of each task one at most.
    """

    def __init__(self, paths: Iterable[Path] = ()):
        self._paths: dict[str, Path] = {}
        self._users: dict[str, Users] = {}
        self._add(paths)

    def __getitem__(self, path: str) -> Path:
        return self._paths[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def users(self, component: str) -> Users:
        """Who uses a component, by its id: tasks, and None for a root.

        A component is locked by every other task whose kept path uses it, and by the root that
        made it; the active task's own locks are lifted. Locks follow from the live paths and are
        never stored (paper/README 3.1, 3.4).
        """
        return self._users.get(component, _NOBODY)

    def changed(self, gone: Iterable[Path], new: Iterable[Path]) -> Self:
        """The live paths after some have gone and others have come; looks at no others.

        Args:
          gone: live paths.
          new: of each task one at most, and none that still has another.
        """
        made = type(self)()
        made._paths, made._users = dict(self._paths), dict(self._users)
        for path in gone:
            del made._paths[path.id]
            for component in path.components:
                users = made._users[component.id] - {path.task}
                if users:
                    made._users[component.id] = users
                else:
                    del made._users[component.id]
        made._add(new)
        return made

    def _add(self, paths: Iterable[Path]) -> None:
        for path in paths:
            self._paths[path.id] = path
            for component in path.components:
                self._users[component.id] = self.users(component.id) | {path.task}
