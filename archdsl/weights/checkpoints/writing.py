"""The file of converted weights: written whole, over nothing that it may not replace."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from archdsl.files import FileFault, write_atomically
from archdsl.weights.checkpoints.reading import WeightsFault


def check_target(target: Path, inputs: Mapping[str, str], force: bool) -> None:
    """Before the work begins: whether the output may be written. Raises `WeightsFault` where it may not.

    `inputs`: files that are read -> what each is.
    """
    if not os.path.lexists(target):
        return
    for path, what in inputs.items():
        with contextlib.suppress(OSError):
            if os.path.samefile(target, path):
                raise WeightsFault(str(target), f"the output is {what} itself", "choose another with -o")
    if not force:
        raise WeightsFault(str(target), "the file exists already", "--force replaces it")


def write_weights(target: Path, content: bytes, force: bool) -> None:
    """Write the file whole, or not at all. Raises `WeightsFault`."""
    try:
        write_atomically(target, content, force)
    except FileFault as fault:
        message = fault.message if fault.kind == "exists" else f"the file was not written: {fault.message}"
        raise WeightsFault(str(target), message) from None
