"""The file of a map: read whole, as text."""

from __future__ import annotations

import os

from archdsl.weights.checkpoints.reading import WeightsFault, opened

MAX_BYTES = 1 << 24


def text_of(path: str) -> str:
    """The text of a map's file. Raises `WeightsFault`."""
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise WeightsFault(path, f"it has more than {MAX_BYTES:,} bytes, and is no map")
        try:
            return file.read(MAX_BYTES + 1).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise WeightsFault(path, "it is no text in UTF-8") from None
