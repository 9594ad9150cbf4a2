"""`archdsl bench`: what emitted modules take, measured beside their exact counts. PyTorch is loaded by the processes
that measure, and not here."""

from __future__ import annotations

from typing import Any

import click

from archdsl.cli import INTERRUPTED
from archdsl.commands.benched import entries_of, ledger_path, machine_of
from archdsl.commands.common import say, say_json
from archdsl.commands.completing import networks, strategies
from archdsl.commands.options import color_option, convention_option, format_option, model_option
from archdsl.commands.progress import comparing
from archdsl.graph.conventions import CONVENTIONS
from archdsl.measuring.ledger import SUFFIX, Ledger, LedgerFault
from archdsl.measuring.rows import RowFault, turns
from archdsl.measuring.run import conditions, known_turns, left, measure, unique
from archdsl.measuring.settings import CLOCKS, DTYPES, LAYOUTS, WORKS, Effort, How
from archdsl.views.bench import bench_csv, bench_report, bench_text
from archdsl.views.failure import diagnostic_reports

EPILOG = """
\b
Examples:
  archdsl bench net.arch other.arch --batch 16
  archdsl bench net.arch --strategies NAME,OTHER --factors 1,2,4 -o bench.jsonl
  archdsl bench pop.parquet --train -o bench.jsonl
  archdsl bench net.arch --device cuda --dtype bfloat16 --layout channels_last --compile --batch 256
  archdsl plot bench bench.jsonl -o bench.svg

A NET is a file, FILE:MODEL, a shipped network, a row of a population (pop.parquet:17) or all its rows (pop.parquet).
Each round goes through all networks in random order; each turn is a process of its own, and a line of -o FILE. A start
that was interrupted goes on with the same command. A file has rows of one machine, device, batch and so on; others are
refused. What is measured is called so, everywhere; counts are exact. The extra archdsl[torch] is needed.
"""


@click.command(short_help="Measure time and memory of emitted modules beside their counts.", epilog=EPILOG)
@click.argument("specs", nargs=-1, required=True, metavar="NET...", shell_complete=networks)
@click.option(
    "--strategies",
    metavar="NAME,...",
    shell_complete=strategies,
    help="Scale each NET by these too: NAME, or NAME=VALUE.",
)
@click.option("--factors", default="1,2,4", show_default=True, metavar="LIST", help="By these: a list, or A..B.")
@click.option("--batch", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Images of a pass.")
@click.option("--train", "trains", is_flag=True, help="Measure a training step as well.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=3, show_default=True, help="Turns of each network.")
@click.option(
    "--seconds", type=click.FloatRange(0.01, 3600), default=1.0, show_default=True, help="Measured in a turn, at least."
)
@click.option(
    "--limit", type=click.FloatRange(1, 86_400), default=300.0, show_default=True, help="Seconds that a turn may take."
)
@click.option("--threads", type=click.IntRange(1, 4096), help="Of a pass on the CPU; PyTorch's choice if not given.")
@click.option("--device", default="cpu", show_default=True, metavar="NAME", help="cpu, cuda, cuda:1, …")
@click.option("--dtype", type=click.Choice(DTYPES), default=DTYPES[0], show_default=True, help="Numbers.")
@click.option("--layout", type=click.Choice(LAYOUTS), default=LAYOUTS[0], show_default=True, help="Of maps.")
@click.option("--compile", "compiled", is_flag=True, help="Measure what torch.compile makes of the module.")
@click.option(
    "--clock",
    type=click.Choice(CLOCKS),
    default=CLOCKS[0],
    show_default=True,
    help="cpu: of all cores, less disturbed.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of order and images.")
@click.option("-o", "--output", metavar=f"FILE{SUFFIX}", help="The file of all turns; one that is there goes on.")
@click.option("--force", is_flag=True, help="Begin a file anew that is there.")
@convention_option
@model_option
@click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help="A parameter of the model, or a path.")
@click.option("--input", "input_", metavar="SIZE", help="The input before scaling: 3x256x192, or 256x192.")
@color_option
@format_option("table", "json", "csv")
def command(
    specs: tuple[str, ...],
    strategies: str | None,
    factors: str,
    trains: bool,
    output: str | None,
    force: bool,
    convention_name: str,
    format_: str,
    **options: Any,
) -> None:
    """Measure time and memory of emitted modules, beside their exact flops, params and acts."""
    names = ("batch", "device", "dtype", "layout", "compiled", "threads", "clock")
    how = How(**{name: options.pop(name) for name in names})
    effort = Effort(**{name: options.pop(name) for name in ("rounds", "seconds", "limit", "seed")})
    works = list(WORKS) if trains else [next(iter(WORKS))]
    if how.clock == "cpu" and how.device != "cpu":
        raise click.UsageError("--clock cpu is the time of the processor, and says nothing of another device.")
    ledger = Ledger(ledger_path(output))
    convention = CONVENTIONS[convention_name]
    every, diagnostics = entries_of(specs, strategies, factors, convention, format_, options)
    entries = unique(every)
    if format_ == "table" and len(entries) < len(every):
        click.echo(f"{len(every) - len(entries)} networks are others again, and measured once", err=True)
    machine = machine_of(how)
    counted = f"{convention.name} {convention.version}: flops are {convention.unit}"
    interrupted = False
    try:
        with ledger.opened(force=force):
            known_turns(ledger, conditions(how, machine, counted))
            with comparing("measuring") as tell:
                try:
                    measure(ledger, entries, works, how, effort, machine, tell)
                except KeyboardInterrupt:
                    interrupted = True
    except LedgerFault as fault:
        raise click.ClickException(str(fault)) from None
    except RowFault as fault:
        raise click.ClickException(f"{output}: {fault}") from None
    found = turns(ledger.rows)
    complete = left(found, entries, works, effort.rounds) == 0
    reports = [report for each in diagnostics for report in diagnostic_reports(each)]
    report = bench_report(found, output, complete=complete, diagnostics=reports)
    if format_ == "json":
        say_json(report)
    else:
        say(bench_csv(report) if format_ == "csv" else bench_text(report))
    if interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    if not complete or any(each.failed for each in diagnostics):
        raise click.exceptions.Exit(1)
