"""Where Gin files are found: with mu2, and with the packages that extend it."""

import functools
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDERS = ("gin", "search_spaces", "benchmarks")
# What Gin files of mu2 were called before, and what has their contents now.
_SMALL = "benchmarks/tables/characters_small.gin"
RENAMED = {
    "gin/mutation/ranges_v1.gin": "gin/ranges/v1.gin",
    "gin/mutation/ranges_v2.gin": "gin/ranges/v2.gin",
    "gin/mutation/ranges_munet.gin": "gin/ranges/munet.gin",
    "gin/mutation/thrifty.gin": "gin/budget/thrifty.gin",
    "benchmarks/tables/cmaterdb_ti0_thrifty.gin": "benchmarks/tables/cmaterdb_ti0.gin",
    "benchmarks/tables/omniglot_papers_thrifty.gin": "benchmarks/tables/omniglot_papers.gin",
    **{
        f"benchmarks/tables/munet_{name}_fixed.gin": f"benchmarks/tables/munet_{name}.gin"
        for name in ("characters_ti3", "decathlon_b16", "vit_l16")
    },
    **{
        f"benchmarks/tables/characters_small_{name}.gin": _SMALL
        for name in (
            *("convnet", "convnet_fixed", "convnet_limits", "convnet_thrifty"),
            *("fixed", "limits", "thrifty", "vit_thrifty"),
        )
    },
}


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
    folders = []
    for top in _packages(group, tuple((place, _changed(place)) for place in sys.path)):
        spec = importlib.util.find_spec(top)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            folders += [Path(place), Path(place, "gin")]
    return [folder for folder in folders if folder.is_dir()]


# All metadata of all packages are read for it, and a command reads many Gin files.
@functools.lru_cache(maxsize=1)
def _packages(group: str, installed: tuple[tuple[str, int], ...]) -> list[str]:
    """Names of the packages that offer entry points; `installed` is what they depend on."""
    entries = importlib.metadata.entry_points(group=group)
    return sorted({entry.module.partition(".")[0] for entry in entries})


def _changed(folder: str) -> int:
    """When something was installed in a folder or removed, in ns; 0 where there is none."""
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0


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


def is_file(path: Path) -> bool:
    """Whether there is a file; a name that no file can have names none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
