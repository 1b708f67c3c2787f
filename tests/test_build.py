"""BUILD is true: its targets hold every file once, and depend on what the files import.

It is run as Bazel would run it, by an interpreter of Starlark that knows our rules, and `glob` over
the files here. Every fault names what to add or to take out.
"""

import dataclasses
import functools
import re
from pathlib import Path
from typing import Any

import pytest
import starlark

from tests.imports import ROOT, distribution, imports, own_files, python_files

RUNNER = "tests/run.py"
RULES = ("py_binary", "py_library", "py_test", "filegroup")
PIP = "@pypi//"
BUILD = (ROOT / "BUILD").read_text(encoding="utf-8")


@dataclasses.dataclass(frozen=True)
class Target:
    """A target of BUILD; `main`, `args` and `testonly` as its rule gives them."""

    rule: str
    name: str
    srcs: tuple[str, ...] = ()
    deps: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    main: str | None = None
    args: tuple[str, ...] = ()
    testonly: bool = False


def glob(include: list[str], exclude: tuple[str, ...] = (), allow_empty: bool = False) -> list[str]:
    """Bazel's: `**` stands for any folders; a pattern that matches nothing is a fault."""
    found: set[str] = set()
    for pattern in include:
        matched = {path.relative_to(ROOT).as_posix() for path in _files(pattern)}
        assert matched or allow_empty, f"glob: {pattern} matches nothing"
        found |= matched
    found -= {file for pattern in exclude for file in found if _regex(pattern).fullmatch(file)}
    assert found or allow_empty, f"glob: nothing is left of {include}"
    return sorted(found)


@functools.cache
def _files(pattern: str) -> list[Path]:
    """Walks below the part of a pattern that has no wildcard, not through all of the checkout."""
    plain = pattern.split("*")[0].rpartition("/")[0]
    if pattern == "*":
        return [path for path in ROOT.iterdir() if path.is_file()]
    if "*" not in pattern:
        return [ROOT / pattern] if (ROOT / pattern).is_file() else []
    below = (path for path in (ROOT / plain).rglob("*") if path.is_file())
    whole = _regex(pattern)
    return [path for path in below if whole.fullmatch(path.relative_to(ROOT).as_posix())]


def _regex(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*)", pattern)
    words = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts))


def targets(text: str) -> dict[str, Target]:
    """What a BUILD file declares, by name."""
    found: dict[str, Target] = {}

    def rule(kind: str) -> Any:
        def declare(name: str, **given: Any) -> None:
            assert name not in found, f"BUILD: a second target {name!r}"
            assert given.keys() <= Target.__dataclass_fields__.keys(), f"{name}: {sorted(given)}"
            fields = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
            found[name] = Target(kind, name, **fields)

        return declare

    module = starlark.Module()
    module.add_callable("glob", glob)
    for name in ("package", "licenses", "exports_files"):
        module.add_callable(name, lambda *_, **__: None)
    module.add_callable("filegroup", rule("filegroup"))
    # Bazel's BUILD files have neither functions nor statements at their top; a `load` gives a rule.
    dialect = starlark.Dialect.standard()
    dialect.enable_def = dialect.enable_lambda = dialect.enable_top_level_stmt = False

    def load(path: str) -> starlark.FrozenModule:
        (kind,) = re.fullmatch(r"@rules_python//python:(\w+)\.bzl", path).groups()
        assert kind in RULES, path
        loaded = starlark.Module()
        loaded.add_callable(kind, rule(kind))
        return loaded.freeze()

    tree = starlark.parse("BUILD", text, dialect)
    starlark.eval(module, tree, starlark.Globals.standard(), starlark.FileLoader(load))
    return found


def _of_file(found: dict[str, Target], kinds: tuple[str, ...]) -> dict[str, list[str]]:
    """The names of the targets of some rules that hold a file, by file."""
    holders: dict[str, list[str]] = {}
    for target in found.values():
        for file in target.srcs if target.rule in kinds else ():
            holders.setdefault(file, []).append(target.name)
    return holders


def _imported(files: list[str], homes: dict[str, list[str]]) -> set[str]:
    """The labels of what files import when they run."""
    labels = set()
    for imported in (each for file in files for each in imports(file) if not each.typing):
        labels |= {f":{homes[file][0]}" for file in own_files(imported) if file in homes}
        library = distribution(imported)
        if library:
            labels.add(PIP + library.replace("-", "_"))
    return labels


def faults(text: str) -> list[str]:
    """What is wrong in a BUILD file, a line each."""
    found = targets(text)
    homes = _of_file(found, ("py_binary", "py_library"))
    tests = [file for file in python_files() if Path(file).name.startswith("test_")]
    labels = {label for each in found.values() for label in (*each.deps, *each.data)}
    told = [f"there is no {each}" for each in sorted(labels) if not _is_there(each, found)]
    for file in python_files():
        names = homes.get(file, [])
        if file not in (*tests, RUNNER) and len(names) != 1:
            told.append(f"{file}: is in {names or 'no library'}; its room needs one line in ROOMS")
    for target in found.values():
        if target.rule in ("py_binary", "py_library"):
            files = [src for src in target.srcs if src.endswith(".py")]
            if not files:
                told.append(f"{target.name}: holds no file; take it out")
            told += _differences(target, _should_depend(target, files, found, homes))
        if not (target.testonly or target.rule == "py_test"):
            told += [
                f"{target.name}: {label} is for tests only"
                for label in (*target.deps, *target.data)
                if label.startswith(":") and label[1:] in found and found[label[1:]].testonly
            ]
    return told + _faults_of_tests(tests, found)


def _should_depend(
    target: Target, files: list[str], found: dict[str, Target], homes: dict[str, list[str]]
) -> set[str]:
    """The labels of what a target's files import; with `tests` comes what any test imports."""
    labels = _imported(files, homes) - {f":{target.name}"}
    if target.name != "tests":
        return labels
    everywhere = _imported([file for file in python_files() if file.startswith("tests/")], homes)
    labels |= {label for label in everywhere if label.startswith(PIP)}
    return labels | {f":{name}" for name in found if name == "mu2" or name.startswith("mu2/")}


def _faults_of_tests(tests: list[str], found: dict[str, Target]) -> list[str]:
    told = []
    for file in tests:
        name = file.removesuffix(".py")
        should = Target(
            rule="py_test",
            name=name,
            srcs=(file, RUNNER),
            deps=(":benchmarks", ":tests"),
            data=(":checkout",),
            main=RUNNER,
            args=(file,),
        )
        if found.get(name) != should:
            told.append(f"{file}: should have {should}")
    names = [target.name for target in found.values() if target.rule == "py_test"]
    return told + [f"{name}: is no test file" for name in names if f"{name}.py" not in tests]


def _differences(target: Target, should: set[str]) -> list[str]:
    added = [f"{target.name}: add {each} to what it imports" for each in should - {*target.deps}]
    gone = [f"{target.name}: take out {each}, unused" for each in {*target.deps} - should]
    return sorted(added + gone)


def _is_there(label: str, found: dict[str, Target]) -> bool:
    if label.startswith(PIP):
        return label.removeprefix(PIP).replace("_", "-") in _locked()
    return label[1:] in found if label.startswith(":") else (ROOT / label).is_file()


@functools.cache
def _locked() -> set[str]:
    """The libraries of the file that MODULE.bazel names as @pypi."""
    module = (ROOT / "MODULE.bazel").read_text(encoding="utf-8")
    (name,) = re.findall(r'requirements_lock = "//:([\w.-]+)"', module)
    return set(re.findall(r"^([\w.-]+)==", (ROOT / name).read_text(encoding="utf-8"), re.M))


def test_build_holds_every_file_and_depends_on_what_is_imported():
    told = faults(BUILD)
    assert not told, "\n".join(["BUILD:", *told])


def test_build_stays_short():
    assert len(BUILD.splitlines()) < 200


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            '"tests/**/test_*.py"])',
            '"tests/cli/test_*.py"])',
            "tests/test_build.py: should have Target",
        ),
        ('"mu2/%s/**/*.py"', '"mu2/%s/*.py"', "mu2/models/roots/__init__.py: is in no library"),
        ('"@pypi//optax"', '"@pypi//opteryx"', "there is no @pypi//opteryx"),
        ('        ":mu2/api",\n', "", "mu2: add :mu2/api to what it imports"),
        ('deps = [":mu2/cli"]', 'deps = [":tests"]', "mu2_command: :tests is for tests only"),
        ('srcs = ["mu2/__main__.py"]', 'srcs = ["mu2/api.py"]', "mu2/__main__.py: is in no"),
    ],
)
def test_a_fault_in_build_is_told(old: str, new: str, fault: str):
    assert BUILD.count(old) >= 1
    assert any(fault in line for line in faults(BUILD.replace(old, new)))


def test_targets_depend_on_each_other_without_a_circle():
    found = targets(BUILD)
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, "a circle: " + " -> ".join([*above, name])
        if name in done:
            return
        for label in found[name].deps:
            if label.startswith(":"):
                visit(label[1:], (*above, name))
        done.add(name)

    for name in sorted(found):
        visit(name, ())
