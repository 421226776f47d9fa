"""Lets ``python -m labspin`` stand for ``labspin``."""

import sys

from labspin.cli import main

sys.exit(main())
