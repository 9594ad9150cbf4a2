"""The training entry point: `train_<name>.py`, a script that trains the emitted module `<name>.py` beside it.

The network itself, its hash and its weights are the module's; the script imports them. What is written into the text
here are numbers, and words about the network, which are quoted: they may come from a stranger's file.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from archdsl.backends import About
from archdsl.backends.interface import Interface
from archdsl.graph.network import Network
from archdsl.resources import read_data

TEMPLATE = "codegen/train/train.py.jinja"
LINE = 88
"""The longest line that ruff's formatter leaves as it is."""
SMALL = 32
"""Height and width of the digits, enlarged from 8 x 8, where the network does not declare a smaller input."""


def emit(network: Network, about: About, interface: Interface) -> dict[str, str]:
    """The script by its file name; nothing for a network without a classifier, which this script could not train."""
    if interface.num_classes is None:
        return {}
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    height, width = interface.image_size
    text = environment.from_string(read_data(TEMPLATE)).render(
        name=about.name,
        origin=_origin(network, about),
        class_name=interface.class_name,
        channels=interface.in_channels,
        takes_channels=interface.takes_channels,
        image_size=repr(interface.image_size),
        digits_size=repr(interface.image_size if min(height, width) < SMALL else (SMALL, SMALL)),
        mean=_per_channel("MEAN", about.mean, interface.in_channels),
        std=_per_channel("STD", about.std, interface.in_channels),
        drop_path_rate=interface.drop_path_rate,
        sizes_padding=interface.sizes_padding,
    )
    return {f"train_{about.name}.py": text}


def _origin(network: Network, about: About) -> str:
    """Where the script comes from, fit to stand within a docstring."""
    source = f" from {_quoted(about.spec)}" if about.spec else ""
    changes = f" with {_quoted(' '.join(about.changes))}" if about.changes else ""
    return f"Emitted by archdsl{source}{changes}.\nThe network's hash begins with {network.hash[:16]}."


def _quoted(text: str) -> str:
    """A text as part of a line of a docstring: no character of it can end the line or the docstring."""
    return "".join([c if c.isprintable() and c not in '"\\' else _escaped(c) for c in text])


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _per_channel(name: str, values: Sequence[Fraction], channels: int) -> str:
    """The assignment of a tuple with a number a channel: those of the images, or one half."""
    if len(values) != channels:
        return f"{name} = (0.5,) * IN_CHANNELS"
    numbers = [repr(float(value)) for value in values]
    line = f"{name} = ({', '.join(numbers)}{',' if channels == 1 else ''})"
    if len(line) <= LINE:
        return line
    return "\n".join([f"{name} = (", *[f"    {number}," for number in numbers], ")"])


__all__ = ["emit"]
