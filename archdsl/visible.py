"""Any text on one line of a terminal, where it cannot play tricks: the only rule of what is shown as it is.

Whatever is not one plain left-to-right column (control characters, wide and combining characters, right-to-left script)
is shown as `\\u{…}`.
"""

from __future__ import annotations

import unicodedata

MAX_LETTERS = 2000
"""Characters of one message, label or name that are shown."""
_TAB = "    "


def visible_letter(letter: str) -> str:
    """One character as it is shown: itself, four blanks for a tab, or an escape."""
    if " " <= letter <= "~":
        return letter
    if letter == "\t":
        return _TAB
    plain = (
        letter.isprintable()
        and unicodedata.east_asian_width(letter) not in ("W", "F")
        and unicodedata.bidirectional(letter) not in ("R", "AL", "AN")
        and not unicodedata.category(letter).startswith("M")
    )
    return letter if plain else f"\\u{{{ord(letter):X}}}"


def visible(text: str) -> str:
    """The text on one line, each character one column wide or escaped; cut after `MAX_LETTERS` characters."""
    shown = "".join(map(visible_letter, text[:MAX_LETTERS]))
    return shown + "…" if len(text) > MAX_LETTERS else shown
