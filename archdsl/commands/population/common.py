"""What the statistics of populations share: their options, and how they are printed."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import click

from archdsl.analysis.evaluate import literal
from archdsl.commands.common import library, say, say_json
from archdsl.commands.options import AnyFunction, format_option
from archdsl.commands.population.groups import Read, Stages, groups_of
from archdsl.diagnostics import Fault
from archdsl.records import dataclass
from archdsl.spaces.results import ERROR, Condition, Wanted
from archdsl.spaces.tables import Cell, TableFault
from archdsl.views.statistics.head import Statistic

_CONDITION = re.compile(r"\s*(.+?)\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*", re.DOTALL)
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?[KMGT]?", re.ASCII)


@dataclass(frozen=True)
class Asked:
    """What is read, and of what level the intervals are."""

    paths: tuple[str, ...]
    wanted: Wanted
    labels: tuple[str, ...]
    stages: Stages | None
    level: float

    def groups(self, least: int = 1) -> list[Read]:
        """The populations; ends the command where one has fewer members."""
        return groups_of(self.paths, self.wanted, self.labels, self.stages, least)

    @property
    def error(self) -> str:
        return self.wanted.error


def population_options(
    *, needed: bool = True, widths: bool = False, level: bool = True
) -> Callable[[AnyFunction], Any]:
    """POP... and the options of reading, which the command gets as one `asked`; `needed`: whether members count by
    their errors; `widths`: whether widths of blocks may be asked for."""

    def decorate(function: AnyFunction) -> Any:
        @functools.wraps(function)
        def with_asked(
            *,
            pops: tuple[str, ...],
            error: str | None,
            accuracy: str | None,
            where: tuple[str, ...],
            by: str | None,
            labels: tuple[str, ...],
            member: tuple[str, ...],
            level: float = 95.0,
            widths: str | None = None,
            depths: str | None = None,
            **options: Any,
        ) -> Any:
            name, whole = _error(error, accuracy)
            must = needed or error is not None or accuracy is not None
            wanted = Wanted(name, whole, tuple([condition_of(text) for text in where]), by, member, must)
            if depths is not None and widths is None:
                raise click.UsageError("--depths says how many blocks have the widths of --widths.")
            stages = Stages(widths, depths) if widths is not None else None
            return function(asked=Asked(pops, wanted, labels, stages, level / 100), **options)

        decorated: Any = with_asked
        for option in reversed(_options(widths=widths, level=level)):
            decorated = option(decorated)
        return decorated

    return decorate


def _options(*, widths: bool, level: bool) -> list[Any]:
    found: list[Any] = [
        click.argument("pops", nargs=-1, required=True, metavar="POP..."),
        click.option("--error", metavar="COLUMN", help=f"The column of errors; {ERROR}, if not given."),
        click.option(
            "--accuracy", metavar="COLUMN=WHOLE", help="A column of accuracies instead, of 1 or 100: top1=100."
        ),
        click.option(
            "--where", metavar="CONDITION", multiple=True, help="Only rows that meet it: 'flops < 400M'. Repeatable."
        ),
        click.option(
            "--member",
            metavar="COLUMN",
            multiple=True,
            help="Rows that agree in it are results of one member. Repeatable.",
        ),
        click.option("--by", metavar="COLUMN", help="A population for each value of a column."),
        click.option(
            "--label",
            "labels",
            metavar="NAME",
            multiple=True,
            help="What a population is called, in order. Repeatable.",
        ),
    ]
    if level:
        range_ = click.FloatRange(0, 100, min_open=True, max_open=True)
        found.append(
            click.option("--level", type=range_, default=95.0, show_default=True, help="Of the intervals, in percent.")
        )
    if widths:
        found += [
            click.option(
                "--widths", metavar="COLUMN", help="Columns COLUMN.0, … of widths, where a table names no space."
            ),
            click.option("--depths", metavar="COLUMN", help="Columns of how many blocks have each of these widths."),
        ]
    return found


def _error(error: str | None, accuracy: str | None) -> tuple[str, float | None]:
    if accuracy is None:
        return error or ERROR, None
    if error is not None:
        raise click.UsageError("--error and --accuracy both name the column of results.")
    name, _, whole = accuracy.rpartition("=")
    if not name or whole not in ("1", "100"):
        message = f"'{accuracy}' is not COLUMN=1 or COLUMN=100: what accuracy and error add up to"
        raise click.BadParameter(message, param_hint="--accuracy")
    return name, float(whole)


def condition_of(text: str) -> Condition:
    """`flops < 400M`, `block == "x"`"""
    parts = _CONDITION.fullmatch(text)
    if parts is None:
        message = f"'{text}' is not COLUMN < VALUE, for example 'flops < 400M'; there are <, <=, >, >=, == and !="
        raise click.BadParameter(message, param_hint="--where")
    column, sign, written = parts[1], parts[2], parts[3]
    value: Cell = {"true": True, "false": False}.get(written, written)
    if _NUMBER.fullmatch(written):
        try:
            value = float(literal(written.lstrip("+")))
        except (ValueError, ArithmeticError):
            raise click.BadParameter(f"'{text}' has too large a number", param_hint="--where") from None
    elif isinstance(value, str):
        value = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
    if sign not in ("==", "!=") and not isinstance(value, float):
        raise click.BadParameter(f"'{text}' compares with what is no number", param_hint="--where")
    return Condition(column, sign, value)


def statistics(make: Callable[[], Statistic], *, scipy: bool = False) -> Statistic:
    """A statistic; ends the command where the numbers do not have it."""
    if scipy:
        library("scipy", "this needs", "spaces")
    try:
        return make()
    except (TableFault, ValueError) as fault:
        raise click.ClickException(str(fault)) from None
    except Fault as fault:
        raise click.ClickException(fault.diagnostic.message) from None


def deliver(statistic: Statistic, format_: str) -> None:
    """Print it."""
    if format_ == "json":
        say_json(statistic.report)
    elif format_ == "csv":
        say(statistic.csv())
    else:
        say(statistic.shown())


form_option = format_option("table", "json", "csv")
