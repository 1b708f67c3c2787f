"""The process of `mu2`, and of `python -m mu2`: made ready to compute, then the command."""

import sys

from mu2 import cli
from mu2.cli import process
from mu2.cli.command import INTERRUPTED


def main() -> int:
    """Runs the command that this process was started for; returns its exit code."""
    process.prepare()
    code = cli.main()
    if code == INTERRUPTED:
        process.leave(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
