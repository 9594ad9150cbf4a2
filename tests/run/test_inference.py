"""The inference form of a network: what is folded and merged, what stays, and that both forms give the same."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from families.compiling import zoo_names
from inference_programs import HEAD, PROGRAMS, text_of
from sampling import TIMES

import archdsl
from archdsl.backends.torch.inference import folded_for
from archdsl.graph.cost import count

torch: Any = pytest.importorskip("torch", reason="emitted code runs on torch")

NETWORKS = tuple(zoo_names()) if TIMES > 1 else ("repvgg_a0", "mobileone_s0", "mobilenetv4_hybrid_m")


def executed(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def compared(net: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Run the test that is written beside an inference form; the module of the form."""
    executed(net.name, net.source, monkeypatch)
    form, test = net.emit("inference").values()
    inference = executed(f"{net.name}_inference", form, monkeypatch)
    written = executed(f"test_{net.name}_inference", test, monkeypatch)
    written.test_they_belong_together()
    written.test_both_give_the_same()
    return inference


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net = archdsl.compile_text(text_of(name))
    found = folded_for(net.network)
    _, _, operations, why = PROGRAMS[name]
    here = " ".join([node.operation.name for node in found.network.nodes if node.path.startswith("stages")])
    assert here == operations
    assert [kept.why for kept in found.kept] == why
    compared(net, monkeypatch)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared(archdsl.compile(name, input="171x171" if name.startswith("inception") else "64x64"), monkeypatch)


def test_what_the_authors_deploy() -> None:
    """The folded MobileOne-S0 is the network that its authors deploy, of which the paper prints the size (table 9 of
    arXiv:2206.04040 has 2.1M); the folded RepVGG-A0 has the 8.30M of arXiv:2101.03697, table 4."""
    mobileone = folded_for(archdsl.compile("mobileone_s0").network)
    assert mobileone.network.hash == archdsl.compile("mobileone_s0_deployed").hash
    assert count(folded_for(archdsl.compile("repvgg_a0").network).network).params == 8_309_384
    assert mobileone.kept == ()


ONE = f"{HEAD}block one(x) = x -> conv(8, kernel: 3) -> batch_norm\nmodel m {{ input: 3 x 8 x 8  stages: one }}\n"


def test_as_pytorch_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A convolution with its norm is what `fuse_conv_bn_eval` makes of both; numbers stay of their type."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    net = archdsl.compile_text(ONE)
    inference = compared(net, monkeypatch)
    trained = net.module().double().eval()
    conv, norm = [next(m for m in trained.modules() if type(m) is k) for k in (torch.nn.Conv2d, torch.nn.BatchNorm2d)]
    for tensor in (norm.running_mean, norm.running_var, norm.weight.data, norm.bias.data):
        tensor.uniform_(0.5, 2)
    wanted, found = fuse_conv_bn_eval(conv, norm), inference.from_training(trained.state_dict())
    assert [(name.rpartition(".")[2], t.dtype) for name, t in found.items()] == [
        ("weight", torch.float64),
        ("bias", torch.float64),
    ]
    for one, other in zip(found.values(), (wanted.weight, wanted.bias), strict=True):
        torch.testing.assert_close(one, other.detach(), rtol=1e-12, atol=0)
    made = net.inference_module(trained.float().state_dict())
    assert made.state_dict()[next(iter(found))].is_contiguous(memory_format=torch.channels_last)
    assert not made.training


def test_other_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that are not those of the training form are refused, and a wrong map is noticed by the written test."""
    net = archdsl.compile_text(ONE)
    inference = compared(net, monkeypatch)
    state = net.module().state_dict()
    with pytest.raises(RuntimeError, match="Unexpected key"):
        net.inference_module({**state, "more.weight": torch.zeros(3)})
    with pytest.raises(RuntimeError, match="Missing key"):
        net.inference_module({name: t for name, t in state.items() if "conv" not in name})
    with pytest.raises(KeyError, match="running_mean"):
        net.inference_module({name: t for name, t in state.items() if "mean" not in name})
    monkeypatch.setattr(inference, "affine", lambda name, state: (state[f"{name}.weight"], state[f"{name}.bias"]))
    with pytest.raises(AssertionError):
        sys.modules["test_m_inference"].test_both_give_the_same()
