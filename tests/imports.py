"""What the Python files of this repository import, worked out from their text."""

import ast
import dataclasses
import functools
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
OWN = ("mu2", "tests", "benchmarks")
# Libraries of extras that `mu2[test]` does not install.
NOT_OF_THE_TESTS = {"mlflow": ["mlflow-skinny"], "torch": ["torch"], "wandb": ["wandb"]}


@dataclasses.dataclass(frozen=True)
class Import:
    """One import statement of a file.

    `module` is dotted; `names` are those taken from it; `lazy` marks one inside a function, and
    `typing` one that only the type checker follows.
    """

    module: str
    names: tuple[str, ...]
    lazy: bool
    typing: bool


def python_files() -> list[str]:
    return sorted(
        file.relative_to(ROOT).as_posix() for top in OWN for file in (ROOT / top).rglob("*.py")
    )


@functools.cache
def imports(file: str) -> tuple[Import, ...]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"), file)
    return tuple(_walk(tree, file, lazy=False, typing=False))


def _walk(node: ast.AST, file: str, *, lazy: bool, typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, (), lazy, typing) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = Path(file).parts[: -child.level] if child.level else ()
            module = ".".join([*base, *filter(None, [child.module])])
            yield Import(module, tuple(alias.name for alias in child.names), lazy, typing)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for statement in child.body:
                yield from _walk(ast.Module([statement], []), file, lazy=lazy, typing=True)
            for statement in child.orelse:
                yield from _walk(ast.Module([statement], []), file, lazy=lazy, typing=typing)
        else:
            inner = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, file, lazy=lazy or inner, typing=typing)


def own_files(imported: Import) -> set[str]:
    """The files of this repository that an import loads; empty for a library's."""
    if imported.module.split(".")[0] not in OWN:
        return set()
    names = [f"{imported.module}.{name}" for name in imported.names]
    found = {_module_file(name) for name in names} - {None}
    if len(found) < max(1, len(names)):
        found.add(_module_file(imported.module))
    return {file for file in found if file is not None}


def _module_file(module: str) -> str | None:
    path = module.replace(".", "/")
    for file in (f"{path}.py", f"{path}/__init__.py"):
        if (ROOT / file).is_file():
            return file
    return None


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def distribution(imported: Import) -> str | None:
    """The distribution an import comes from, in its normal form; None for Python's own or ours."""
    top = imported.module.split(".")[0]
    if top in sys.stdlib_module_names or top in OWN:
        return None
    found = _distributions().get(top) or NOT_OF_THE_TESTS.get(top)
    assert found, f"import {imported.module}: no installed distribution has it"
    return normal(found[0])


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def library_of(file: str) -> str:
    """The name of the target that holds a file: its package's path, or its own for a module."""
    path = Path(file)
    if path.parts[0] != "mu2" or len(path.parts) == 2:
        return "mu2" if file == "mu2/__init__.py" else path.with_suffix("").as_posix()
    return "/".join(path.parts[:2])
