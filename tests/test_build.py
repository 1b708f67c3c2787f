"""BUILD is true.

It is read as Python, which its syntax is. What each target should say is worked out from the files
and from the imports they make, so that every failure names the line to add or to take out.
"""

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imports import ROOT, distribution, imports, library_of, own_files, python_files

RUNNER = "tests/run.py"


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
