"""The map of a checkpoint: a small text that says which of its modules is which operation.

    # comment
    stem.conv = conv1
    stages.{a}.blocks.{b}.branch.conv1 = layer{a+1}.{b}.conv1
    head.linear = fc : 1000 x 512 x 1 x 1
    head.linear = -

On the left is an operation of ours, or one tensor of it (`norm.weight = norm.scale`); on the right the module of the
checkpoint that has its tensors by the same short names, or one tensor by its whole name. `{a}` stands for a number, and
`{a+1}` on the right for one more. A line without such numbers counts before one with them. Behind a colon stands the
weight's shape in the checkpoint, where it is another; `-` leaves the classifier as it starts. A name with other
characters than letters, digits and `_.-/` is quoted as in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from archdsl.suggest import did_you_mean
from archdsl.weights.faults import Mismatch
from archdsl.weights.layers import Extents
from archdsl.weights.names import NUMBER, numberless

NEW = "-"
OPEN = "?"
"""Where a proposed map has no answer."""
MAX_LINES = 200_000
_PLAIN = re.compile(r"[\w.\-/]+(?:\{[a-z](?:[+-]\d{1,9})?\}[\w.\-/]*)*|(?:\{[a-z](?:[+-]\d{1,9})?\}[\w.\-/]*)+")
_HOLE = re.compile(r"\{([a-z])([+-]\d{1,9})?\}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_PURE = re.compile(r"[\w.\-/]+")
MAX_DIGITS = 9


class Entry(NamedTuple):
    """What one of our operations, or one of its tensors, takes."""

    theirs: str | None
    """None: nothing."""
    line: int
    shape: Extents | None = None


class Rule(NamedTuple):
    """A line of a map."""

    ours: str
    theirs: str
    shape: Extents | None
    line: int
    literal: bool
    """Whether the right side is a name as it stands."""


def read_map(text: str) -> list[Rule]:
    """The lines of a map. Raises `Mismatch`, whose message begins with the line."""
    rules = []
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise Mismatch(f"it has more than {MAX_LINES:,} lines")
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        left, sign, right = (part.strip() for part in stripped.partition("="))
        if not sign or not left or not right:
            raise Mismatch(f"line {number}: a line is `OURS = THEIRS`")
        if right == OPEN:
            raise Mismatch(f"line {number}: what {left} takes is open", "write the checkpoint's module in place of `?`")
        theirs, shape, literal = _right(right, number)
        holes = [name for name, _ in _HOLE.findall(left)]
        unknown = [] if literal else [name for name, _ in _HOLE.findall(theirs) if name not in holes]
        if not _PLAIN.fullmatch(left) or len(set(holes)) < len(holes) or any(n for _, n in _HOLE.findall(left)):
            raise Mismatch(f"line {number}: {left} is no name of ours with {{a}}, {{b}}, each once, for its numbers")
        if unknown:
            raise Mismatch(f"line {number}: {{{unknown[0]}}} stands on the right alone")
        rules.append(Rule(left, theirs, shape, number, literal))
    return rules


def _right(text: str, number: int) -> tuple[str, Extents | None, bool]:
    """A right side: the name, the shape behind it, and whether it was quoted."""
    quoted = text.startswith('"')
    if quoted:
        try:
            name, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            raise Mismatch(f"line {number}: a quote does not end") from None
        rest = text[end:].strip()
    else:
        name, sign, rest = (part.strip() for part in text.partition(":"))
        rest = f":{rest}" if sign else ""
        if not _PLAIN.fullmatch(name):
            raise Mismatch(f"line {number}: {name} is no name; quote it as JSON does")
    if not rest:
        return name, None, quoted
    extents = rest.removeprefix(":").replace("x", " ").split() if rest.startswith(":") else [""]
    if not extents or not all(re.fullmatch("[0-9]{1,12}", extent) for extent in extents):
        raise Mismatch(f"line {number}: a shape is `: 64 x 3 x 7 x 7`")
    return name, tuple(map(int, extents)), quoted


def resolved(rules: Sequence[Rule], names: Iterable[str]) -> dict[str, Entry]:
    """What each of our operations and tensors takes by a map. Raises `Mismatch`."""
    listed = list(names)
    known = set(listed)
    found: dict[str, Entry] = {}
    for rule in rules:
        if "{" in rule.ours:
            continue
        if rule.ours not in known:
            hint = did_you_mean(rule.ours, known, otherwise="")
            raise Mismatch(f"line {rule.line}: the network has no {rule.ours}", hint or None)
        if rule.ours in found:
            raise Mismatch(f"line {rule.line}: {rule.ours} stands in line {found[rule.ours].line} already")
        found[rule.ours] = _entry(rule, {})
    exact = set(found)
    for rule in rules:
        if "{" not in rule.ours:
            continue
        form = re.compile(_HOLE.sub(lambda hole: rf"(?P<{hole[1]}>[0-9]{{1,{MAX_DIGITS}}})", _escaped(rule.ours)))
        fits = [(name, match) for name in listed if (match := form.fullmatch(name))]
        if not fits:
            raise Mismatch(f"line {rule.line}: the network has nothing like {rule.ours}")
        for name, match in fits:
            if name in exact:
                continue
            if name in found:
                raise Mismatch(f"line {rule.line}: {name} is what line {found[name].line} says already")
            found[name] = _entry(rule, {key: int(value) for key, value in match.groupdict().items()})
    return found


def _escaped(text: str) -> str:
    """A left side as an expression, its holes left."""
    return re.sub(r"[.\-/]", lambda found: re.escape(found[0]), text)


def _entry(rule: Rule, numbers: Mapping[str, int]) -> Entry:
    if rule.literal:
        return Entry(rule.theirs, rule.line, rule.shape)
    if rule.theirs == NEW:
        return Entry(None, rule.line)

    def number(hole: re.Match[str]) -> str:
        value = numbers[hole[1]] + int(hole[2] or 0)
        if value < 0:
            raise Mismatch(f"line {rule.line}: {hole[0]} is {value}")
        return str(value)

    return Entry(_HOLE.sub(number, rule.theirs), rule.line, rule.shape)


# Writing


class Line(NamedTuple):
    """What a written map says of one operation or tensor."""

    ours: str
    theirs: str | None
    """None: open; or what `new` says."""
    shape: Extents | None = None
    remark: str = ""
    new: bool = False
    """Whether it stays as it starts."""
    joined: bool = False
    """Whether `{a}` on both sides stands for numbers."""


def write_map(title: Sequence[str], lines: Sequence[Line], rest: Sequence[str] = ()) -> str:
    """A map, its lines joined where their numbers go together; `rest` are remarks at the end."""
    found = [f"# {_safe(line)}" for line in title]
    for line in joined(lines):
        found += [f"# {_safe(line.remark)}"] if line.remark else []
        found.append(_text(line))
    found += [f"# {_safe(line)}" for line in rest]
    return "\n".join(found) + "\n"


def _text(line: Line) -> str:
    theirs = line.theirs or (NEW if line.new else OPEN)
    if line.theirs is not None and not line.joined and (not _PURE.fullmatch(theirs) or theirs == NEW):
        theirs = json.dumps(theirs)
    shape = f" : {' x '.join(map(str, line.shape))}" if line.shape is not None else ""
    return f"{line.ours} = {theirs}{shape}"


def _safe(text: str) -> str:
    return "".join([c if c.isprintable() else ascii(c)[1:-1] for c in text])


def joined(lines: Sequence[Line]) -> list[Line]:
    """The lines, with one for all that differ in numbers which go together.

    What comes out means the same: a line with holes stands for no operation but those that it was made of.
    """
    groups: dict[tuple[object, ...], list[Line]] = {}
    for line in lines:
        plain = line.theirs and line.theirs != NEW and _PURE.fullmatch(line.theirs) and _PURE.fullmatch(line.ours)
        numbers = NUMBER.findall(line.ours) + NUMBER.findall(line.theirs or "")
        whole = all(len(number) <= MAX_DIGITS and str(int(number)) == number for number in numbers)
        key: tuple[object, ...] = (line.ours,)
        if plain and whole and line.shape is None:
            key = (numberless(line.ours), numberless(line.theirs or ""))
        groups.setdefault(key, []).append(line)
    shapes = {line.ours for line in lines}
    found: dict[str, Line] = {}
    for group in groups.values():
        for part in _parts(group, 0):
            both = _one(part) if len(part) > 1 else None
            if both is not None and _covers(both.ours, shapes) == {one.ours for one in part}:
                found.update({one.ours: both if place == 0 else _GONE for place, one in enumerate(part)})
            else:
                found.update({one.ours: one for one in part})
    return [found[line.ours] for line in lines if found[line.ours] is not _GONE]


_GONE = Line("", "")


def _covers(ours: str, names: Iterable[str]) -> set[str]:
    form = re.compile(_HOLE.sub("[0-9]+", _escaped(ours)))
    return {name for name in names if form.fullmatch(name)}


def _parts(group: Sequence[Line], depth: int) -> list[list[Line]]:
    """The group in parts of which each can be one line: as it is, or divided by its first numbers."""
    if len(group) == 1 or _one(group) is not None:
        return [list(group)]
    if depth >= len(NUMBER.findall(group[0].ours)):
        return [[line] for line in group]
    divided: dict[tuple[str, ...], list[Line]] = {}
    for line in group:
        divided.setdefault(tuple(NUMBER.findall(line.ours)[: depth + 1]), []).append(line)
    return [part for one in divided.values() for part in _parts(one, depth + 1)]


def _one(group: Sequence[Line]) -> Line | None:
    """One line for all, where each of their numbers is the same in all or follows one of ours."""
    ours = [[int(n) for n in NUMBER.findall(line.ours)] for line in group]
    theirs = [[int(n) for n in NUMBER.findall(line.theirs or "")] for line in group]
    varies = [len({row[at] for row in ours}) > 1 for at in range(len(ours[0]))]
    if sum(varies) > len(_LETTERS):
        return None
    letters = iter(_LETTERS)
    names = [next(letters) if one else "" for one in varies]
    right = []
    for at in range(len(theirs[0])):
        values = [row[at] for row in theirs]
        if len(set(values)) == 1:
            right.append(str(values[0]))
            continue
        steps = [
            (names[place], offsets.pop())
            for place in range(len(varies))
            if varies[place] and len(offsets := {v - row[place] for v, row in zip(values, ours, strict=True)}) == 1
        ]
        if not steps:
            return None
        name, step = steps[0]
        right.append(f"{{{name}{f'{step:+d}' if step else ''}}}")
    left = [f"{{{name}}}" if name else str(ours[0][place]) for place, name in enumerate(names)]
    remark = next((line.remark for line in group if line.remark), "")
    return Line(_filled(group[0].ours, left), _filled(group[0].theirs or "", right), None, remark, joined=True)


def _filled(text: str, parts: Sequence[str]) -> str:
    given = iter(parts)
    return NUMBER.sub(lambda _: next(given), text)
