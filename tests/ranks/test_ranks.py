"""Ranks of features, against numpy and scipy, and against what is known of linear layers."""

from __future__ import annotations

import numpy
import pytest
import scipy.stats
import torch

from archdsl.commands.study.layers import Layers
from archdsl.ranks.features import Gram, gathered, layer_values, singular_values
from archdsl.ranks.layers import Layer, Means, Study, Values, drawn, layers_of, mean_with_interval
from archdsl.ranks.spectra import spectrum_rows, spectrum_sums
from archdsl.ranks.values import DEFAULT, cumulative, effective_rank, nuclear_norm, portion, rank, tolerance


def matrix(rows: int, columns: int, of_rank: int, seed: int = 0) -> numpy.ndarray:
    rng = numpy.random.default_rng(seed)
    return rng.normal(size=(rows, of_rank)) @ rng.normal(size=(of_rank, columns))


@pytest.mark.parametrize("of_rank", [1, 7, 20])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ranks_are_those_of_numpy(of_rank: int, dtype: str) -> None:
    given = matrix(20, 50, of_rank).astype(dtype)
    values = singular_values(torch.from_numpy(given))
    share = tolerance(DEFAULT, given.shape, dtype)
    assert rank(values, share) == numpy.linalg.matrix_rank(given) == of_rank
    assert rank(values, tolerance("0.3", given.shape, dtype)) == numpy.linalg.matrix_rank(given, rtol=0.3)
    assert nuclear_norm(values) == pytest.approx(numpy.linalg.norm(given.astype(float), "nuc"), rel=1e-5)


def test_effective_rank_is_the_exponential_of_entropy() -> None:
    values = [5.0, 3.0, 0.5, 0.01, 0.0]
    shares = numpy.array(values) / sum(values)
    assert effective_rank(values) == pytest.approx(numpy.exp(scipy.stats.entropy(shares)))
    assert effective_rank([2.0] * 9) == pytest.approx(9)
    assert effective_rank([4.0, 0.0]) == 1
    assert effective_rank([0.0, 0.0]) == 0
    assert rank([0.0, 0.0], 0.1) == 0


def test_shares_of_singular_values() -> None:
    values = [8.0, 4.0, 2.0, 2.0]
    assert cumulative(values) == [0.5, 0.75, 0.875, 1.0]
    assert [portion(values, x) for x in (0.1, 0.25, 0.6, 1)] == [0, 0.5, 0.75, 1]
    rows = spectrum_rows("net", "penultimate", values)
    assert [row.magnitude for row in rows] == [1, 0.5, 0.25, 0.25]
    assert rows[0].portion == 1
    assert rows[-1].cumulative == 1
    assert spectrum_sums("net", "x", values, (4, 9)).nuclear_norm == 16


def test_a_mean_and_its_interval() -> None:
    values = [0.2, 0.5, 0.9, 0.4]
    low, high = scipy.stats.norm.interval(0.95, numpy.mean(values), scipy.stats.sem(values))
    assert mean_with_interval(values) == pytest.approx((numpy.mean(values), low, high))
    assert mean_with_interval([0.5]) == (0.5, 0.5, 0.5)


# Layers


def study(**changed: object) -> Study:
    given = {
        "layers": ("conv_1x1",),
        "activations": ("identity",),
        "ratios": (0.25, 0.5, 1.0),
        "tolerances": (DEFAULT,),
        "networks": 1,
        "seed": 3,
        "widths": (20, 40),
        "expands": (1, 3),
        "columns": 2,
        "law": "normal",
        "dtype": "float64",
    }
    return Study(**{**given, **changed})


@pytest.fixture(scope="module")
def layers() -> Layers:
    return Layers(None, None, as_json=False)


def measured(layers: Layers, of: Study, number: int = 0) -> dict[tuple[str, str, float], Values]:
    found = {}
    for cell, layer in layers_of(of, number):
        found[cell] = layers.measure(of.columns, of.law, of.dtype, layer)
    return found


def test_linear_layers_have_the_rank_of_their_input(layers: Layers) -> None:
    """rank(WX) = min(d_in k^2, d_out); a bottleneck's is bounded by the expansion and the shortcut too."""
    of = study(layers=("conv_1x1", "conv_3x3", "bottleneck_3x3", "bottleneck_depthwise"), ratios=(0.1, 0.25, 1.0))
    for number in range(2):
        for (name, _, ratio), values in measured(layers, of, number).items():
            d_out, expand = drawn(of, number)
            d_in = max(1, round(ratio * d_out))
            bound = {"conv_1x1": d_in, "conv_3x3": 9 * d_in}.get(name, d_in * expand + d_in)
            bound = min(bound, 9 * d_in, d_out)
            found = rank(values.singular, tolerance(DEFAULT, values.shape, "float64"))
            assert values.shape[0] == d_out
            if name.startswith("conv"):
                assert found == bound
            else:
                assert min(d_in * expand, d_out) <= found <= bound


def test_activations_expand_the_rank_to_all_channels(layers: Layers) -> None:
    """What figure 1 shows depends on the tolerance: by the default one of float32, the curves are level."""
    acts = ("relu", "relu6", "leaky_relu", "elu", "softplus", "hard_swish", "silu")
    of = study(activations=acts, ratios=(0.1,), widths=(96, 96), columns=4, dtype="float32")
    values = measured(layers, of)
    full = {act: rank(each.singular, tolerance(DEFAULT, each.shape, "float32")) for (_, act, _), each in values.items()}
    assert full == dict.fromkeys(acts, 96)
    few = {act: rank(each.singular, 0.02) for (_, act, _), each in values.items()}
    assert max(few.values()) < 96
    assert few["softplus"] == min(few.values())
    for each in values.values():
        assert numpy.isclose(effective_rank(each.singular), numpy.exp(scipy.stats.entropy(each.singular)))


def test_a_network_of_the_study_is_one_for_all_activations(layers: Layers) -> None:
    """Figures depend on the seed and the network's number alone: neither on what else is measured nor on the order."""
    of = study(activations=("relu", "silu"), ratios=(0.5,))
    both = measured(layers, of, 4)
    alone = measured(layers, study(activations=("silu",), ratios=(0.5,)), 4)
    cell = ("conv_1x1", "silu", 0.5)
    assert both[cell] == alone[cell]
    assert both[cell] != measured(layers, study(activations=("silu",), ratios=(0.5,), seed=4), 4)[cell]
    seeds = {layer.activation: layer.seed for _, layer in layers_of(of, 4)}
    assert seeds["relu"] == seeds["silu"]


def test_images_are_drawn_by_the_law() -> None:
    seen = []

    def module() -> torch.nn.Module:
        class Keeps(torch.nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                seen.append(x)
                return x

        return Keeps()

    layer = Layer("x", "y", 30, 30, 1, 5)
    for law in ("normal", "uniform"):
        values = layer_values(layer, module, (30, 2, 2), 40, law, "float64")
        assert values.shape == (30, 1200)
    normal, uniform = (x.flatten().numpy() for x in seen)
    assert scipy.stats.kstest(normal, "norm").pvalue > 0.01
    assert scipy.stats.kstest(uniform, "uniform", args=(-1, 2)).pvalue > 0.01


def test_a_network_that_was_interrupted_does_not_count() -> None:
    means = Means(study(networks=2))
    means.add(0, lambda layer: Values([2.0] * layer.d_in + [0.0] * (layer.d_out - layer.d_in), (layer.d_out, 99)))
    rows = means.rows()
    assert [row.rank_ratio for row in rows] == pytest.approx([row.effective_ratio for row in rows])
    calls = iter(range(2))

    def interrupted(layer: Layer) -> Values:
        if next(calls):
            raise KeyboardInterrupt
        return Values([1.0] * layer.d_out, (layer.d_out, 99))

    with pytest.raises(KeyboardInterrupt):
        means.add(1, interrupted)
    assert means.rows() == rows
    assert means.networks == 1


# Features of a network


def test_features_of_many_images_are_one_matrix() -> None:
    torch.manual_seed(0)
    images = torch.randn(11, 3, 6, 6)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.ReLU(inplace=True), torch.nn.Flatten()).eval()
    found = gathered(module, ["0", "1", ""], [images[:4], images[4:8], images[8:]])
    with torch.no_grad():
        maps, out = module[0](images), module(images)
    before = maps.permute(1, 0, 2, 3).reshape(5, -1).double().numpy()
    assert found["0"].shape == before.shape == (5, 176)
    assert found["0"].values() == pytest.approx(numpy.linalg.svd(before, compute_uv=False))
    assert found["1"].values() == pytest.approx(numpy.linalg.svd(before.clip(min=0), compute_uv=False))
    expected = numpy.linalg.svd(out.double().numpy(), compute_uv=False)
    assert found[""].shape == (80, 11)
    assert found[""].values() == pytest.approx(expected, rel=1e-6)


def test_what_is_no_feature_is_refused() -> None:
    with pytest.raises(ValueError, match="no finite number"):
        Gram().add(torch.tensor([[float("nan")]]))
    with pytest.raises(ValueError, match="no matrix"):
        Gram().add(torch.zeros(3))
    with pytest.raises(ValueError, match="no features"):
        Gram().values()
