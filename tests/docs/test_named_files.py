"""Every file that a document, a header or a docstring names is in the repository."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = "benchmarks|docs|gin|mu2|paper|search_spaces|shared|tests"
NAMED = re.compile(rf"(?<![\w/.@-])(?:{FOLDERS})/[\w./-]*\w(?:\.(?:md|gin|py|ipynb)\b|/README)")
# Tells which files there were before, by their names.
OLD_NAMES = "mu2/config/linter/files.py"


def test_files_that_are_named_are_there():
    found = {}
    for folder, ending in (
        *((folder, "gin") for folder in ("benchmarks", "gin", "search_spaces")),
        *((folder, "py") for folder in ("benchmarks", "mu2")),
        ("docs", "md"),
    ):
        for file in (ROOT / folder).rglob(f"*.{ending}"):
            name = file.relative_to(ROOT).as_posix()
            if name != OLD_NAMES and "_build" not in name:
                found[name] = NAMED.findall(file.read_text(encoding="utf-8"))
    found["README.md"] = NAMED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert sum(map(len, found.values())) > 300
    pairs = {(name, other) for name, named in found.items() for other in named}
    assert not {pair for pair in pairs if not (ROOT / pair[1]).exists()}
