"""Where Gin files are found: with mu2, and with the packages that extend it."""

import importlib.metadata
import importlib.util
from collections.abc import Sequence
from pathlib import Path

FOLDERS = ("gin", "search_spaces", "benchmarks")


def files_root() -> Path:
    """The folder that holds `gin/` and `search_spaces/`: of the wheel, else of the checkout."""
    package = Path(__file__).parents[2]
    shipped = package / "files"
    return shipped if shipped.is_dir() else package.parent


def package_folders(group: str) -> list[Path]:
    """The folders of the packages that offer entry points, and the `gin/` in each.

    A package `theirs` that brings `theirs/gin/run.gin` so lets a file say `include 'run.gin'` or
    `include 'gin/run.gin'`. Nothing of the package is imported.

    Args:
      group: of the entry points.
    """
    tops = {
        entry.module.partition(".")[0] for entry in importlib.metadata.entry_points(group=group)
    }
    folders = []
    for top in sorted(tops):
        spec = importlib.util.find_spec(top)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            folders += [Path(place), Path(place, "gin")]
    return [folder for folder in folders if folder.is_dir()]


def gin_files(places: Sequence[Path]) -> set[str]:
    """Names by which the Gin files are found of which these are the search paths."""
    names: set[str] = set()
    for place in places:
        names.update(file.name for file in place.glob("*.gin"))
        for folder in FOLDERS:
            names.update(
                file.relative_to(place).as_posix() for file in (place / folder).rglob("*.gin")
            )
    return names
