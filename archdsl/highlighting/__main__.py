"""Writes the highlighters into a checkout: `make highlighting`."""

from __future__ import annotations

from pathlib import Path

from archdsl.files import write_atomically
from archdsl.highlighting.outputs import outputs


def main() -> None:
    """Write each file, its folders too."""
    root = Path(__file__).resolve().parent.parent.parent
    for name, text in outputs().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text, force=True)


if __name__ == "__main__":
    main()
