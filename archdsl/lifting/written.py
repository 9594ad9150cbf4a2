"""A lifted network as a text that compiles to it: the tidiest that does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from archdsl.compiler import Compiled, Compiler, Failed
from archdsl.diagnostics import Fault
from archdsl.lifting.lifted import Lifted
from archdsl.lifting.recognition import Recognised, Recognition
from archdsl.lifting.templates import Unlike
from archdsl.lifting.text import LEVELS, Text
from archdsl.records import dataclass
from archdsl.source import Source
from archdsl.syntax.formatter import format_checked

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Written:
    """A text, and what it compiles to."""

    text: str
    level: str
    """How tidy it is: see `text.LEVELS`."""
    compiled: Compiled
    recognised: tuple[Recognised, ...] = ()
    """What of it is a block of the library."""


def written(
    lifted: Lifted,
    compiler: Compiler,
    name: str,
    comment: str,
    library: Recognition | None = None,
    starts: Mapping[str, str] = NOTHING,
) -> Written | None:
    """The tidiest text that compiles to exactly what was lifted; none where no text of ours does. With `library` blocks
    of the standard library are recognised, where the text with them compiles to it too. `starts` are the lines of its
    `init`."""
    for level, used in [(level, used) for level in LEVELS for used in dict.fromkeys((library, None))]:
        try:
            told = Text(lifted, name, level, used)
            plain = told.written(comment, starts)
            text = format_checked(Source(f"{name}.arch", plain))
        except (ArithmeticError, AttributeError, Fault, LookupError, RecursionError, TypeError, Unlike, ValueError):
            continue  # a graph that this level does not expect: a less tidy one says it
        found = compiler.compile(Source(f"{name}.arch", text))
        if not isinstance(found, Failed) and found.network.hash == lifted.network.hash:
            return Written(text, level, found, told.recognised)
    return None
