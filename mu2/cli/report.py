"""`mu2 report`: one HTML file that shows all of a system, or compares several."""

import argparse
from pathlib import Path

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_text

EPILOG = f"""\
The file opens from disk, with no network and no server. It shows the graph of the system as it
grew, each task with its lineage, its settings and all its children, and what tasks gave each other.

One JSON document with --json:
  format   1
  file     the file that was written
  bytes    its size
  systems  their folders
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The systems' folders, the commit and the file."""
    parser.add_argument("systems", nargs="+", metavar="DIR", help="a system's folder")
    parser.add_argument("--to", default="report.html", metavar="FILE", help="default: report.html")
    parser.add_argument("--at", metavar="COMMIT", help="as they stood then; see mu2 log")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Writes the page."""
    from mu2.report.html.page import report_page
    from mu2.report.reading import read_history, tell_apart
    from mu2.report.words import bytes_of
    from mu2.system import documents

    histories = [read_history(folder, options.at) for folder in options.systems]
    text = report_page(tell_apart(histories, options.systems))
    file = Path(options.to)
    documents.write(file, text.encode())
    size = file.stat().st_size
    if options.json:
        document = {"format": 1, "file": str(file), "bytes": size, "systems": options.systems}
        write_json(document)
    else:
        write_text(f"{file}: {bytes_of(size)}; open it in a browser.")
    return OK


COMMAND = Command(
    "write one HTML file that shows a system, or compares several",
    "DIR ... [--to FILE] [--at COMMIT] [--json]",
    arguments,
    run,
    EPILOG,
    many="systems",
)
