"""Lets ``python -m labspin.cli`` stand for ``labspin``."""

import sys

from labspin.cli import main

sys.exit(main())
