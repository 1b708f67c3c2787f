"""What a `py_test` of BUILD runs: pytest on the files it is given, the slow tests with the rest."""

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main([*sys.argv[1:], "-m", "", "-p", "no:cacheprovider"]))
