"""`python -m rationale_training`: for `accelerate launch` and `torchrun`, which start modules."""

import sys

from rationale_training.cli import main

sys.exit(main())
