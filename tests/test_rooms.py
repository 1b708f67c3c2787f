"""Imports point one way, and every library that is imported is declared."""

import re
import tomllib
from pathlib import Path

from tests.imports import ROOT, distribution, imports, normal, own_files, python_files

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
    "__main__": {"cli", "commands", "process"},
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
