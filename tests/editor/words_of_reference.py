"""The words of the language as the reference's tables say them: `grammar/words.txt` is made of these.

python tests/editor/words_of_reference.py > grammar/words.txt
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAD = """\
#! The words of the language with a line of the reference: `owner name: text`. Made of the tables of docs/language.md by
#! tests/editor/words_of_reference.py, which a test runs again.
"""
TABLES = {
    "| function | result |": "function",
    "| field | type | meaning |": "model",
    "| `preprocess` | type |": "preprocess",
    "| `source` | type |": "source",
    "| `init` | parameters |": "init",
    "| attribute | type | meaning |": "stages",
    "| index | meaning |": "index",
    "| name | is what this gives |": "part",
    "| field | value | if not given | meaning |": "recipe",
    "| field | forms | setting | value | if not given | meaning |": "forms",
    "| in `progressive` | of a stage |": "progressive",
    "| `verified` | type |": "verified",
    "| law | values | probability |": "law",
    "| name | value |": "space.model",
}
"""The first lines of tables, and the owner of what they list."""
TWICE = {"| field | meaning |": ("expect", "space"), "| name | meaning |": ("space.expect",)}
"""Those of which there are several: the owners in the order of the text."""


def plain(text: str) -> str:
    """A cell without links and quotes."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "").strip()


def names_in(cell: str) -> list[str]:
    """`a`, `b(x)` -> a, b"""
    return [re.match(r"[\w.]+", name).group() for name in re.findall(r"`([A-Za-z][^`]*)`", cell)]  # type: ignore[union-attr]


def lines() -> list[str]:
    """The lines of the file, of docs/language.md as it is."""
    found: list[str] = []
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8").split("\n")
    seen: dict[str, int] = {}
    for number, line in enumerate(text):
        owners = TWICE.get(line)
        if line in TWICE:
            position = seen[line] = seen.get(line, -1) + 1
            owner = owners[position] if owners and position < len(owners) else None
        else:
            owner = TABLES.get(line)
        if owner is None:
            continue
        for row in text[number + 2 :]:
            if not row.startswith("|"):
                break
            cells = [cell.strip() for cell in row.strip("|").split(" | ")]
            found += rows(owner, [cell.strip("| ") for cell in cells])
    return found


def rows(owner: str, cells: list[str]) -> list[str]:
    """The lines of one row of a table."""
    if owner == "forms":
        forms, setting, said = cells[1], names_in(cells[2])[0], [plain(cells[5]), plain(cells[3])]
        return [f"{form} {setting}: {'; '.join([s for s in said if s])}" for form in names_in(forms)]
    said = [plain(cell) for cell in cells[1:]]
    if owner == "recipe":
        default = f"{said[1]} if not given" if said[1] and said[1] != "required" else said[1]
        said = [said[2], said[0], default]
    elif owner in ("model", "stages"):
        said = said[::-1]
    text = "; ".join([s for s in said if s])
    names = names_in(cells[0])
    if len(names) > 1 and owner in ("function", "index", "init"):
        text = f"{plain(cells[0])}: {text}"  # the line speaks of all of them
    return [f"{owner} {name}: {text}" for name in names if text]


if __name__ == "__main__":
    print(HEAD + "\n".join(lines()))
