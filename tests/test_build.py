"""BUILD is true, imports point one way, and every library that is imported is declared.

BUILD is read as Python, which its syntax is. What each target should say is worked out from the
files and from the imports they make, so that every failure names the line to add or to take out.
"""

import ast
import dataclasses
import functools
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNNER = "tests/run.py"
OWN = ("mu2", "tests", "benchmarks")

# room: the rooms it may import. errors and key are open to all.
ROOMS = {
    "errors": set(),
    "key": set(),
    "evolution": set(),
    "tasks": set(),
    "models": set(),
    "store": set(),
    "report": {"evolution"},
    "training": {"models", "tasks"},
    "mesh": {"models", "training"},
    "record": {"evolution"},
    "system": {"evolution", "record", "report", "store"},
    "writable": {"evolution", "record", "store", "system"},
    "inference": {"evolution", "models", "system", "training"},
    "export": {"evolution", "inference", "models", "store", "system"},
    "generation": {"evolution", "tasks", "training"},
    "experiment": {
        *("evolution", "generation", "mesh", "models", "record", "report", "system", "tasks"),
        *("training", "writable"),
    },
    "refusal": {
        *("evolution", "experiment", "generation", "linter", "mesh", "models", "tasks"),
        "training",
    },
    "preview": {
        *("environment", "evolution", "experiment", "linter", "mesh", "models", "refusal"),
        *("system", "tasks", "training", "writable"),
    },
    "forecast": {"evolution", "experiment", "models", "preview", "tasks"},
    "roots": {"evolution", "models", "system", "training"},
    "config": {
        *("evolution", "experiment", "linter", "mesh", "models", "roots", "tasks", "training"),
    },
    "proof": {"config", "experiment", "mesh", "system", "tasks", "training"},
    "table": {
        *("config", "experiment", "forecast", "linter", "preview", "refusal", "report", "store"),
        "system",
    },
    "linter": set(),
    "resolved": {"config", "experiment", "linter"},
    "api": {
        *("config", "evolution", "experiment", "inference", "preview", "report", "resolved"),
        *("refusal", "system", "tasks"),
    },
    "commands": {
        *("config", "evolution", "experiment", "forecast", "linter", "mesh", "models", "preview"),
        *("environment", "export", "inference", "proof", "refusal", "report", "roots", "store"),
        *("system", "table", "tasks", "training", "writable"),
    },
    "cli": {"commands", "report"},
    "environment": set(),
    "process": {"environment"},
    "__main__": {"cli", "process"},
}
OPEN_TO_ALL = {"errors", "key"}

# Libraries that only the named rooms or files may import.
KEPT_TO = {
    "jax": {
        *("key", "models", "training", "mesh", "experiment", "inference", "linter", "commands"),
        *("api", "environment", "export"),
    },
    "flax": {"models", "training", "mesh"},
    "optax": {"training"},
    "orbax": {"mu2/store/checkpoint.py"},
    "gin": {"config", "linter"},
    "tensorflow_datasets": {"mu2/tasks/sources/tfds.py", "mu2/tasks/sources/tfds_home.py"},
    "sklearn": {"mu2/tasks/sources/sklearn.py"},
    "datasets": {"mu2/tasks/sources/huggingface.py"},
    "grain": {"mu2/tasks/streamed.py"},
    "matplotlib": {"mu2/tasks/sources/glyphs.py"},
    "tensorflow": set(),
    "torch": set(),
    "clu": set(),
    "pandas": set(),
}


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


@dataclasses.dataclass(frozen=True)
class Target:
    """A target of BUILD as it is, or as it should be."""

    rule: str
    name: str
    srcs: frozenset[str]
    deps: frozenset[str]
    main: str | None = None
    args: tuple[str, ...] = ()
    line: int = 0

    def text(self) -> str:
        """The target as buildifier would write it, to be pasted."""
        lines = [f"{self.rule}(", f'    name = "{self.name}",']
        lines += _list_lines("srcs", sorted(self.srcs))
        if self.args:
            lines += _list_lines("args", self.args)
        if self.rule == "py_test":
            lines += _list_lines("data", ["pyproject.toml", ":gin_files"])
        if self.main:
            lines.append(f'    main = "{self.main}",')
        lines += _list_lines("deps", sorted(self.deps, key=lambda dep: (dep[0] == "@", dep)))
        return "\n".join([*lines, ")"])


def _list_lines(key: str, values: tuple[str, ...] | list[str]) -> list[str]:
    if not values:
        return []
    if len(values) == 1:
        return [f'    {key} = ["{values[0]}"],']
    return [f"    {key} = [", *(f'        "{value}",' for value in values), "    ],"]


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
    found = _distributions().get(top)
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


def expected_targets() -> dict[str, Target]:
    grouped: dict[str, set[str]] = {}
    for file in python_files():
        if file not in ("mu2/__main__.py", RUNNER):
            grouped.setdefault(library_of(file), set()).add(file)
    targets = [
        _test_target(*srcs)
        if Path(name).name.startswith("test_")
        else Target("py_library", name, frozenset(srcs), _deps(name, srcs))
        for name, srcs in grouped.items()
    ]
    command = {"mu2/__main__.py"}
    targets.append(
        Target(
            "py_binary",
            "mu2_command",
            frozenset(command),
            _deps("mu2_command", command),
            main="mu2/__main__.py",
        )
    )
    return {target.name: target for target in targets}


def _test_target(file: str) -> Target:
    name = library_of(file)
    deps = _deps(name, {file, RUNNER})
    for folder in Path(file).parents:
        if (ROOT / folder / "conftest.py").is_file():
            deps |= {f":{folder.as_posix()}/conftest"}
    return Target("py_test", name, frozenset({file, RUNNER}), deps, main=RUNNER, args=(file,))


def _deps(name: str, srcs: set[str]) -> frozenset[str]:
    deps = set()
    for imported in (each for src in srcs for each in imports(src) if not each.typing):
        deps |= {f":{library_of(file)}" for file in own_files(imported)}
        library = distribution(imported)
        if library:
            deps.add(f"@pypi//{library.replace('-', '_')}")
    return frozenset(deps - {f":{name}"})


def actual_targets() -> dict[str, Target]:
    tree = ast.parse((ROOT / "BUILD").read_text(encoding="utf-8"), "BUILD")
    targets = {}
    for node in tree.body:
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
            continue
        call = node.value
        rule = ast.unparse(call.func)
        if rule not in ("py_library", "py_binary", "py_test"):
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        fields = {
            key: ast.literal_eval(given[key])
            for key in ("name", "srcs", "deps", "main", "args")
            if key in given
        }
        name = fields["name"]
        assert name not in targets, f"BUILD:{call.lineno}: a second target {name!r}"
        targets[name] = Target(
            rule=rule,
            name=name,
            srcs=frozenset(fields.get("srcs", ())),
            deps=frozenset(fields.get("deps", ())),
            main=fields.get("main"),
            args=tuple(fields.get("args", ())),
            line=call.lineno,
        )
    return targets


def _differences(actual: Target, expected: Target) -> Iterator[str]:
    where = f'BUILD:{actual.line}: {actual.rule} "{actual.name}"'
    for key in ("rule", "main", "args"):
        if getattr(actual, key) != getattr(expected, key):
            yield f"{where}: {key} should be {getattr(expected, key)!r}"
    for key in ("srcs", "deps"):
        is_, should = getattr(actual, key), getattr(expected, key)
        yield from (f'{where}: add to {key}: "{each}",' for each in sorted(should - is_))
        yield from (f'{where}: take out of {key}: "{each}",' for each in sorted(is_ - should))


def test_build_names_the_files_and_the_imports():
    expected, actual = expected_targets(), actual_targets()
    faults = [
        f"BUILD: this target is missing:\n{expected[name].text()}"
        for name in sorted(expected.keys() - actual.keys())
    ]
    faults += [
        f'BUILD:{actual[name].line}: take out {actual[name].rule} "{name}": it has no files'
        for name in sorted(actual.keys() - expected.keys())
    ]
    for name in sorted(expected.keys() & actual.keys()):
        faults += _differences(actual[name], expected[name])
    assert not faults, "\n".join(faults)


def test_targets_depend_on_each_other_without_a_circle():
    targets = expected_targets()
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            circle = [*above[above.index(name) :], name]
            pytest.fail("a circle of imports: " + " -> ".join(circle))
        if name in done:
            return
        for dep in sorted(targets[name].deps):
            if dep.startswith(":"):
                visit(dep[1:], (*above, name))
        done.add(name)

    for name in sorted(targets):
        visit(name, ())


def _room(file: str) -> str:
    return Path(file).parts[1].removesuffix(".py")


def _library_files() -> list[str]:
    return [
        file for file in python_files() if file.startswith("mu2/") and file != "mu2/__init__.py"
    ]


def test_rooms_import_one_way():
    faults = []
    for file in _library_files():
        room = _room(file)
        assert room in ROOMS, f"{file}: say in {Path(__file__).name} what {room!r} may import"
        allowed = ROOMS[room] | OPEN_TO_ALL | {room}
        for imported in imports(file):
            for other in own_files(imported):
                if other == "mu2/__init__.py":
                    faults.append(f"{file}: imports the public surface; name the module instead")
                elif _room(other) not in allowed:
                    faults.append(f"{file}: {room} may not import {_room(other)} ({other})")
    assert not faults, "\n".join(faults)


def test_libraries_stay_in_their_rooms():
    faults = []
    for file in _library_files():
        for imported in imports(file):
            top = imported.module.split(".")[0]
            places = KEPT_TO.get(top)
            if places is not None and not places & {file, _room(file)}:
                faults.append(f"{file}: may not import {top}; kept to {sorted(places) or 'nobody'}")
    assert not faults, "\n".join(faults)


def test_evolution_knows_no_arrays_but_those_of_numpy():
    libraries = {
        (file, distribution(imported))
        for file in _library_files()
        if _room(file) == "evolution"
        for imported in imports(file)
    }
    allowed = {None, "numpy", "ml-collections"}
    assert [each for each in sorted(libraries, key=str) if each[1] not in allowed] == []


def _declared() -> tuple[set[str], set[str]]:
    """The distributions of pyproject.toml's core, and those of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {normal(re.match(r"[\w.-]+", each).group()) for each in requirements}

    extras = project["optional-dependencies"].values()
    return names(project["dependencies"]), set().union(*map(names, extras))


def test_imported_libraries_are_declared():
    core, extras = _declared()
    faults = []
    for file in python_files():
        for imported in imports(file):
            library = distribution(imported)
            if library is None or library in core:
                continue
            if library not in extras:
                faults.append(f"{file}: pyproject.toml does not declare {library}")
            elif file.startswith("mu2/") and not (imported.lazy or imported.typing):
                faults.append(f"{file}: {library} is an extra: import it where it is used")
    assert not faults, "\n".join(faults)


def test_declared_libraries_are_pinned_by_the_constraints():
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text("utf-8"), re.M)
    core, extras = _declared()
    missing = (core | extras) - {normal(name) for name in pinned} - {"mu2"}
    assert not missing, f"constraints.txt: pin {sorted(missing)}"
