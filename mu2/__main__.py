"""`python -m mu2`: the same command as `mu2`."""

import sys

from mu2.cli import main

sys.exit(main())
