"""`archdsl study rank`: the rank of the features of layers with random weights, by activation and ratio of widths."""

from __future__ import annotations

from functools import partial

import click

from archdsl.cli import INTERRUPTED
from archdsl.commands.common import library, say, say_json
from archdsl.commands.options import color_option, format_option
from archdsl.commands.progress import comparing
from archdsl.commands.study.asked import names_of, parts_of, range_of, ratios_of, tolerances_of
from archdsl.commands.study.layers import Layers
from archdsl.commands.tables import table_options, table_path, write_rows
from archdsl.ranks.features import LAWS
from archdsl.ranks.layers import Means, Study, layers_of
from archdsl.ranks.values import DEFAULT, EPSILONS
from archdsl.views.study_rank import rank_csv, rank_report, rank_text

ACTIVATIONS = "identity,relu,relu6,leaky_relu,elu,softplus,hard_swish,silu"
"""None, and those of footnote 1 of Han et al. 2021."""

EPILOG = """
\b
Examples:
  archdsl study rank --networks 20 -o rank.csv
  archdsl study rank --layers NAME --activations relu,silu --tolerances default,0.01
  archdsl study rank mine.arch --activations 'elu(0.5),gelu'
  archdsl plot rank rank.csv -o rank.svg

Layers are models with the parameters d_in, d_out and act, and expand where they have it: those of FILE, or the four
of figure 1 of Han et al. 2021. Each is compiled at random sizes, and run with new weights on images that are drawn,
norms by the statistics of these. The rank counts singular values above a tolerance; the effective rank needs none.
The paper has 1,000 networks and is silent about sizes, laws and tolerance, which the curves depend on. The extra
archdsl[torch] is needed.
"""


@click.command(short_help="Rank of layers' features, by activation and ratio of widths.", epilog=EPILOG)
@click.argument("file", required=False)
@click.option("--layers", metavar="NAME,...", help="Which of FILE's; all if not given.")
@click.option("--activations", default=ACTIVATIONS, metavar="NAME,...", help="f, in the language.  [default: 8]")
@click.option(
    "--ratios", default="0.1..1", show_default=True, metavar="LIST", help="d_in / d_out: a list; 0.1..1: ten."
)
@click.option(
    "--networks", type=click.IntRange(1, 1_000_000), default=10, show_default=True, help="Random sizes and weights."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of all that is drawn.")
@click.option("--widths", default="16..128", show_default=True, metavar="A..B", help="d_out, each alike likely.")
@click.option("--expands", default="1..6", show_default=True, metavar="A..B", help="Expansions, each alike likely.")
@click.option(
    "--columns", type=click.IntRange(1, 1000), default=4, show_default=True, help="Images x positions for a channel."
)
@click.option("--law", type=click.Choice(list(LAWS)), default="normal", show_default=True, help="Of X.")
@click.option(
    "--dtype", type=click.Choice(list(EPSILONS)), default="float32", show_default=True, help="Of all numbers."
)
@click.option(
    "--tolerances", default=f"{DEFAULT},0.01", show_default=True, metavar="LIST", help="Shares of the largest value."
)
@table_options
@color_option
@format_option("table", "json", "csv")
def rank(
    file: str | None,
    layers: str | None,
    activations: str,
    ratios: str,
    networks: int,
    seed: int,
    widths: str,
    expands: str,
    columns: int,
    law: str,
    dtype: str,
    tolerances: str,
    output: str | None,
    force: bool,
    color: str | None,
    format_: str,
) -> None:
    """Measure the rank of f(WX) for layers of random sizes and weights, as ReXNet's figure 1 does."""
    made = Layers(file, color, as_json=format_ == "json")
    names = names_of(layers, made.names)
    acts, numbers = tuple(parts_of(activations, "--activations")), tuple(ratios_of(ratios))
    ends = range_of(widths, "--widths"), range_of(expands, "--expands")
    shares = tuple(tolerances_of(tolerances))
    study = Study(names, acts, numbers, shares, networks, seed, *ends, columns, law, dtype)
    path = table_path(output, force) if output is not None else None
    first = [next(each for cell, each in layers_of(study, 0) if cell[:2] == (n, a)) for n in names for a in acts]
    laws = list(dict.fromkeys([made.starts(each) for each in first]))  # faults of all layers come before a long run
    torch = library("torch", "ranks need", "torch")
    torch.set_num_threads(1)  # for small matrices more threads are slower
    means, interrupted = Means(study), False
    with comparing("ranks") as tell:
        try:
            for number in range(networks):
                means.add(number, partial(made.measure, columns, law, dtype))
                if tell is not None:
                    tell(number + 1, networks)
        except KeyboardInterrupt:
            interrupted = True
    rows = means.rows()
    report = rank_report(study, rows, means.networks, made.shown, laws, torch.__version__, output)
    if path is not None and rows:
        write_rows(path, rows, report.columns_alike(), force)
    if format_ == "json":
        say_json(report)
    else:
        say(rank_csv(report) if format_ == "csv" else rank_text(report))
    if interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
