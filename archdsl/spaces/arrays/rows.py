"""What was accepted of a piece, as columns of a population."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from archdsl.spaces.arrays.sampled import Piece
from archdsl.spaces.opened import Opened
from archdsl.spaces.population import DIGEST, HASH, INDEX, MEASURES, SEED, SPACE, Coding, kinds_of
from archdsl.spaces.tables import Columns, Kind

TYPES: dict[Kind, Any] = {"int": np.int64, "number": np.float64, "bool": np.bool_, "text": object}


def columns_of(opened: Opened, piece: Piece, seed: int | None, place: str) -> Columns:
    """The rows of a piece; `place` is where the space stands, as file and name."""
    rows = len(piece.index)
    found: dict[str, Any] = {INDEX: piece.index}
    for dimension, coding in enumerate(opened.codings):
        found[coding.column] = cells_of(coding, piece.settings[:, dimension])
    found.update({measure: piece.costs[measure] for measure in MEASURES})
    found[HASH] = list(piece.hashes) if piece.hashes is not None else [None] * rows
    found[SEED] = [seed] * rows
    found[SPACE], found[DIGEST] = [place] * rows, [opened.digest] * rows
    return {name: found[name] for name in kinds_of(opened.codings, hashed=piece.hashes is not None)}


def cells_of(coding: Coding, numbers: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """The values of a dimension, of which each is worked out once."""
    different, where = np.unique(numbers, return_inverse=True)
    cells = np.array([coding.cell(int(number)) for number in different], TYPES[coding.kind])
    return cells[where]


__all__ = ["TYPES", "cells_of", "columns_of"]
