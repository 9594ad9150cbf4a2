"""What the page is told: plain data, documented, which JSON is made of."""

from __future__ import annotations

from archdsl.editor.data import Completion, Hint, Hover, Problem
from archdsl.parts import RowReport
from archdsl.plots.rows import ScaledRow
from archdsl.records import documented
from archdsl.views.diff import DiffReport
from archdsl.views.head import ConventionReport
from archdsl.views.provenance import ChangeReport, SolvedReport


@documented
class ShippedFile:
    """A file that ships with archdsl, with the models that need no parameter, and the spaces."""

    family: str
    path: str
    models: tuple[str, ...]
    spaces: tuple[str, ...]


@documented
class StartReport:
    """What there is to show, and what can be asked for."""

    archdsl: str
    """The version of archdsl."""
    path: str
    """The file that was given, from its project's root; one that ships where none was."""
    text: str
    model: str
    """The model that was named with it; may be empty."""
    saved: bool
    """Whether the text is that of a file, which can be written back."""
    conventions: tuple[ConventionReport, ...]


@documented
class OpenedReport:
    """A text to edit."""

    path: str
    text: str


@documented
class EditReport:
    """What is known of a text while it is written."""

    problems: tuple[Problem, ...]
    hints: tuple[Hint, ...]


@documented
class BlockReport:
    """A block of the stages. Blocks that give several maps have several widths."""

    path: str
    stage: str
    widths: tuple[int, ...]
    flops: int
    params: int
    acts: int


@documented
class BaseReport:
    """The model without its scalings, by the same convention."""

    hash: str
    input: tuple[int, ...]
    flops: int
    params: int
    acts: int


@documented
class ViewReport:
    """A model with its exact counts, for one image."""

    model: str
    hash: str
    """A digest of what the network computes."""
    input: tuple[int, ...]
    """Channels, height, width."""
    operations: int
    convention: ConventionReport
    flops: int
    params: int
    acts: int
    weights_bytes: int
    """Parameters and buffers as 32-bit numbers."""
    peak_bytes: int
    """The most bytes of activations that live at one time at inference, as 32-bit numbers."""
    rows: tuple[RowReport, ...]
    """By stage; they add up to the totals."""
    blocks: tuple[BlockReport, ...]
    """Of the stages, in their order."""
    base: BaseReport | None
    """Where it is scaled."""
    changes: tuple[ChangeReport, ...]
    """What scalings changed."""
    solved: tuple[SolvedReport, ...]
    picture: str | None
    """SVG, where it was asked for."""


@documented
class NamesReport:
    """What can be chosen of a text."""

    models: tuple[str, ...]
    spaces: tuple[str, ...]
    strategies: tuple[str, ...]
    """Scalings with one number to give: of the text, and of std.scaling."""


@documented
class ModuleFile:
    """A file of an emitted model."""

    name: str
    text: str


@documented
class MemberPoint:
    """A member of a space: what was drawn, and what its network costs."""

    index: int
    """The number of the draw."""
    setting: tuple[int, ...]
    """The number of the value of each dimension."""
    values: tuple[str, ...]
    """`name: value` of each draw."""
    flops: int
    params: int
    acts: int
    hash: str


@documented
class PopulationReport:
    """Draws of a space, those of `archdsl space sample` with the same seed."""

    space: str
    seed: int
    start: int
    looked: int
    """How many draws were looked at: fewer than asked for where they take much work."""
    refused: int
    """Draws that are no members."""
    members: tuple[MemberPoint, ...]
    at: tuple[int, ...] | None
    """The input at which costs are counted; none for each model's own."""
    convention: ConventionReport


@documented
class TableRow:
    """A row of a table, with what can be drawn of it."""

    index: int
    """From 0."""
    numbers: tuple[int | float | None, ...]
    """One for each of the table's columns of numbers."""
    row: str
    """All of it, as JSON: what `member` takes."""


@documented
class TableReport:
    """The rows of a population that was drawn or trained."""

    columns: tuple[str, ...]
    """Those of numbers, in the order of the table."""
    rows: tuple[TableRow, ...]
    spaces: tuple[str, ...]
    """The names of the spaces that rows are of."""


@documented
class ExploreAnswer:
    """What the page of `archdsl explore` is told. Of the parts, those that were asked for are there."""

    fault: str | None = None
    """Why the request cannot be answered at all; then nothing else is there."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the text, or with what was asked of it."""
    omitted: int = 0
    """How many problems there are beyond those listed."""
    start: StartReport | None = None
    shipped: tuple[ShippedFile, ...] | None = None
    opened: OpenedReport | None = None
    edit: EditReport | None = None
    completion: Completion | None = None
    hover: Hover | None = None
    names: NamesReport | None = None
    view: ViewReport | None = None
    files: tuple[ModuleFile, ...] | None = None
    scaled: tuple[ScaledRow, ...] | None = None
    compared: DiffReport | None = None
    population: PopulationReport | None = None
    table: TableReport | None = None
