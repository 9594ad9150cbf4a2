"""A printed table with the compiler's figures beside it, as plain data: rows, figures, and how they agree."""

from __future__ import annotations

from typing import Literal

from archdsl.papers.data import Kind
from archdsl.records import documented

Agreement = Literal[
    "same",
    "convention",
    "truncated",
    "size",
    "explained",
    "unexplained",
    "missing",
    "no network",
    "guess",
    "not compared",
    "not printed",
]
"""same: the compiler's figure has the printed digits. convention: it has them by another convention than the paper's.
truncated: it has them cut off. size: it has them for images of another size, which the network claims. explained: it
has not, and a note of the network quotes the printed figure and says why. unexplained: it has not. missing: the network
is not there or does not compile. no network: the row has none. guess: neither has it,
and the compiler's figure is of a guess at it. not compared: a formula. not printed: the figure is ours
alone."""
FAULTS: tuple[Agreement, ...] = ("unexplained", "missing")
"""What no paper is to blame for."""


@documented
class Figure:
    """A printed figure, and the compiler's."""

    column: str
    printed: str | None
    ours: str | None
    """To the printed digits."""
    computed: int | None
    """Exact, by `convention`; of a scaling, what is scaled."""
    convention: str | None
    agreement: Agreement
    agrees_by: str | None = None
    """The convention by which the network claims the figure, where that is not the paper's or the figure is cut off."""
    agreed: int | None = None
    """The exact figure by it."""
    agrees_at: str | None = None
    """The height and width at which the network claims the figure, where they are not the row's: `320 x 320`."""
    truncated: bool = False
    base: int | None = None
    """Of a scaling: the exact figure before it."""
    note: str | None = None
    """What the network says of the printed figure."""


@documented
class PaperRow:
    """A printed row."""

    row: str
    model: str | None
    input: int | str | None
    """The height and width of the image."""
    part: str | None
    """In a table of stages: the part of the network."""
    scaling: str | None
    """In a table of scalings: the call of one, by a factor s."""
    figures: list[Figure]
    structure: list[Figure]
    """What the paper tells of the network beside its figures, from the resolved model."""
    reported: dict[str, str | None]
    """What the paper reports: accuracies, times. Never ours."""
    note: str | None
    space: str | None = None
    """In a table of spaces: the space."""
    recipe: str | None = None
    """In a table of what is reported: the recipe that the row was trained by."""


@documented
class Ratio:
    """What a scaling of the table makes of a network."""

    row: str
    network: str
    factor: str
    """The factor s."""
    measure: str
    formula: str
    """What the printed power of s gives."""
    ratio: str
    base: int
    scaled: int


@documented
class TrainingCost:
    """What progressive learning costs a network, whose stages have equally many steps."""

    row: str
    network: str
    recipe: str
    sizes: list[str]
    """Of the images in each stage: `128 x 128`."""
    flops: list[int]
    """Of the network at each size, for an image."""
    by_area: str | None
    """The mean over the stages of the images' area, as a share of the last stage's. None as the next where there is no
    such network or recipe."""
    by_flops: str | None
    """The mean over the stages of the flops, as a share of the last stage's."""


@documented
class TableReport:
    """A table. In a list of tables, `rows` is empty."""

    paper: str
    title: str
    authors: str
    published: str
    id: str
    name: str
    about: str
    kind: Kind
    model: str | None
    """In a table of stages: the network."""
    conventions: list[str]
    """The paper's own conventions of counting, the usual one first."""
    size: int
    """How many rows the table has."""
    compared: int
    """How many of them have figures of the compiler beside the printed ones."""
    rows: list[PaperRow]
    ratios: list[Ratio]
    headings: dict[str, str]
    """Headings of what is reported."""
    note: str | None
    without_network: str | None
    """Why rows without a network have none."""
    training: list[TrainingCost]
