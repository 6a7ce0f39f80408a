"""``python -m framewire.cli``."""

import sys

from framewire.cli.app import main

sys.exit(main())
