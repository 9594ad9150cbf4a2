"""How many random examples a property tries.

The numbers in the tests are for every run. `ARCHDSL_EXAMPLES=10` tries ten times as many of everything, and all of what
every run tries some of, for a change to what many properties rest on; `make thorough` does.
"""

from __future__ import annotations

import os

TIMES = int(os.environ.get("ARCHDSL_EXAMPLES", "1"))
"""Above 1, tests try all of what they try some of otherwise."""


def many(examples: int) -> int:
    """A number of examples, times `ARCHDSL_EXAMPLES`."""
    return examples * TIMES
