"""`python -m mlsd_lib …` is `mlsd …`."""

import sys

from mlsd_lib.cli import main

sys.exit(main())
