"""`archdsl explain`: an error code, or how the numbers of a model came about."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import click

from archdsl import __version__
from archdsl.commands.common import change_options, compiled, finish, format_option, request_of, say, say_json
from archdsl.commands.tables import size, table
from archdsl.compiler import Compiled

EPILOG = """
\b
Examples:
  archdsl explain E304                          what an error means, with an example
  archdsl explain net.arch                      where widths come from, and what `fit` made of them
  archdsl explain net.arch --scale NAME:4       base, multiplied, rounded, adjusted
  archdsl explain net.arch --scale NAME --to flops=16G --format json
"""
_CODE = re.compile(r"[EeWw][0-9]{3}")


@click.command(short_help="Explain an error code, or how a model's numbers came about.", epilog=EPILOG)
@click.argument("target", metavar="CODE|FILE")
@change_options
@format_option("text", "json")
def command(target: str, format_: str, **options: Any) -> None:
    """Explain an error code, or how the numbers of a model came about."""
    if _CODE.fullmatch(target):
        _code(target.upper(), as_json=format_ == "json")
        return
    request = request_of(target, as_json=format_ == "json", **options)
    result = compiled(request)
    if format_ == "json":
        _say_json(result, request.file)
    else:
        scaled = result.model.changes
        say((_scalings(result) if scaled else _origins(result)) + _ties(result))
    finish(result)


def _code(code: str, *, as_json: bool) -> None:
    from archdsl.codes import codes

    known = list(codes())
    found = codes().get(code)
    if found is None:
        near = [each for each in known if each[:2] == code[:2]]
        hint = f"; there are {', '.join(near)}" if near else f"; codes are {known[0]} to {known[-1]}"
        raise click.UsageError(f"There is no code {code}{hint}.")
    if as_json:
        from archdsl.report import CodeReport

        say_json(CodeReport(found.code, found.title, found.explanation, found.wrong, found.right))
        return
    parts = [f"{found.code}: {found.title}\n\n{textwrap.fill(found.explanation, 100)}\n"]
    if found.wrong is not None:
        parts.append("Wrong:\n\n" + _indented(found.wrong))
    if found.right is not None:
        parts.append("Right:\n\n" + _indented(found.right))
    say("\n".join(parts))


def _indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.strip("\n").split("\n"))


def _readable(value: Any) -> Any:
    """A value for the table: numbers that are no integers in short decimals."""
    from archdsl.analysis.trace import show_value

    return value if isinstance(value, int) and not isinstance(value, bool) else show_value(value)


def _scalings(result: Compiled) -> str:
    """For every scaled number: base, multiplied, rounded, adjusted, and the lines that did it."""
    from archdsl.commands.cost import solved_text
    from archdsl.report import change_reports

    reports = change_reports(result.model, _readable)
    notes: dict[tuple[str, str], int] = {}

    def note(rule: str, at: str) -> str:
        return f"({notes.setdefault((at, rule), len(notes) + 1)})"

    rows: list[list[Any]] = []
    several = len({r.scaling for r in reports}) > 1
    for r in reports:
        why = " ".join([note(r.rule, r.rule_at), *[note(line.text, line.at) for line in r.fit]])
        path = f"{r.scaling}: {r.path}" if several else r.path
        adjusted = r.adjusted if r.adjusted != r.rounded else "="
        rows.append([path, "-" if r.base is None else r.base, r.multiplied, r.rounded, adjusted, why])
    if not rows:
        return f"{_head(result)}\nThe scaling changed no number.\n"
    headers = ["", "base", "multiplied", "rounded", "adjusted", "why"]
    lines = [f"({number}) {at}: {rule}" for (at, rule), number in notes.items()]
    solved = solved_text(result) + "\n" if result.model.solved else ""
    said = (
        "base: before; multiplied: before rounding; rounded: by the scaling's line; adjusted: by the block's `fit`.\n"
    )
    return f"{_head(result)}\n{table(headers, rows)}\n{said}\n" + solved + "".join(line + "\n" for line in lines)


def _origins(result: Compiled) -> str:
    """For every stage: what was requested and what is used, with the rule and the line of `fit`."""
    from archdsl.report import origin_reports

    rows: list[list[Any]] = []
    notes: dict[tuple[str, str], int] = {}
    for r in origin_reports(result.model, _readable):
        used = r.used if r.used != r.requested else "="
        fits = [f"({notes.setdefault((line.at, line.text), len(notes) + 1)})" for line in r.fit]
        rows.append([r.path, r.requested, used, " ".join(fits), f"{r.rule_at}: {_short(r.rule)}"])
    if not rows:
        return f"{_head(result)}\nNothing was derived: no stage has attributes; all numbers stand in the blocks.\n"
    text = f"{_head(result)}\n" + table(["", "requested", "used", "fit", "rule"], rows)
    lines = [f"({number}) {at}: {line}\n" for (at, line), number in notes.items()]
    return text + ("\n" + "".join(lines) if lines else "")


def _ties(result: Compiled) -> str:
    """The exact halves that were rounded, which code in doubles may decide otherwise; nothing where there are none."""
    from archdsl.report import tie_reports

    ties = tie_reports(result.model)
    if not ties:
        return ""
    head = "\nExact halves, of which the even neighbour is taken; code that computes in doubles may take the other:\n\n"
    return head + "".join(f"{tie.value} -> {tie.taken}  {tie.rule_at}: {_short(tie.rule)}\n" for tie in ties)


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _head(result: Compiled) -> str:
    network = result.network
    return f"{result.name}, {size(network.input)}, hash {network.hash[:16]}\n"


def _say_json(result: Compiled, spec: str) -> None:
    from archdsl import report

    network, model = result.network, result.model
    say_json(
        report.ExplainReport(
            __version__,
            spec,
            result.name,
            network.hash,
            [int(extent) for extent in network.input],
            report.change_reports(model),
            report.origin_reports(model),
            report.tie_reports(model),
            report.solved_reports(model),
            report.diagnostic_reports(result.diagnostics),
        )
    )
