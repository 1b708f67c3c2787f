"""`mu2 watch`: the page of a system, live, while a run goes on."""

import argparse
from pathlib import Path

from mu2.cli.command import OK, Command, write_text

PORT = 8124
EPILOG = """\
The page follows the run from commit to commit; it may be opened before the run begins, and goes on
when the run is stopped and begun again. The server listens on this machine alone and writes
nothing. Of a run on another machine: ssh -L 8124:localhost:8124 HOST, and mu2 watch there.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system's folder and the port."""
    parser.add_argument("system", metavar="DIR", help="the system's folder, there or not yet")
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help=f"default: {PORT}; 0: a free one"
    )


def run(options: argparse.Namespace) -> int:
    """Serves until it is interrupted."""
    import sys

    from mu2.report.watch import HOST, open_socket, serve

    listening = open_socket(options.port)
    write_text(
        f"http://{HOST}:{listening.getsockname()[1]}/ shows {options.system}; Ctrl-C ends it."
    )
    sys.stdout.flush()
    serve(Path(options.system), listening)
    return OK


COMMAND = Command(
    "show a system in the browser while it is evolved", "DIR [--port N]", arguments, run, EPILOG
)
