"""The table of diagnostic codes: what each means, with an example that has it and one that has not.

Codes are stable, by phase: E1 syntax and files, E2 names, E3 values and rules (E39 limits), E4 shapes, E5 claims, E7
what is emitted. The texts stand in `grammar/codes.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from archdsl.once import once
from archdsl.records import dataclass
from archdsl.resources import read_data

_HEAD = re.compile(r"^=== (E\d{3}) (.+)\n", re.MULTILINE)
_EXAMPLE = re.compile(r"^--- (wrong|right)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Code:
    """A diagnostic code. `wrong` produces it; `right` is the same file without the fault."""

    code: str
    title: str
    explanation: str
    wrong: str | None = None
    right: str | None = None


@once
def codes() -> Mapping[str, Code]:
    """All codes, in order."""
    _, *chunks = _HEAD.split(read_data("grammar/codes.txt"))
    found = {}
    for code, title, chunk in zip(chunks[::3], chunks[1::3], chunks[2::3], strict=True):
        explanation, *parts = _EXAMPLE.split(chunk)
        examples = dict(zip(parts[::2], parts[1::2], strict=True))
        text = " ".join(explanation.split())
        found[code] = Code(code, title, text, examples.get("wrong"), examples.get("right"))
    return found


__all__ = ["Code", "codes"]
