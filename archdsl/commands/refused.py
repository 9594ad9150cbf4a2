"""The way out where a checkpoint, or what is made of a network, is at fault: no fault of a program, it has no code."""

from __future__ import annotations

from typing import NoReturn

import click

from archdsl.commands.common import one, say_json
from archdsl.diagnostics import Diagnostic, Label
from archdsl.source import Source, Span
from archdsl.terminal import note
from archdsl.views.failure import failure
from archdsl.views.refused import Refusal, fault_text
from archdsl.visible import visible
from archdsl.weights.checkpoints import WeightsFault


def refuse(file: str, fault: WeightsFault | Refusal, as_json: bool) -> NoReturn:
    """Report a fault of a command that was given a file, and end with 1."""
    if as_json:
        where = Span(Source(fault.file, ""), 0, 0)
        labels = tuple(Label(where, visible(note)) for note in fault.notes)
        say_json(failure(file, one(Diagnostic("", visible(fault.message), where, labels=labels, help=fault.help))))
    else:
        note(fault_text(fault))
    raise click.exceptions.Exit(1)
