"""The folders of `archdsl compile --package`: installed and loaded by pip, torch.hub, timm and huggingface_hub."""

from __future__ import annotations

import ast
import copy
import email
import importlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import emitted
import pytest
import safetensors.torch
import tools
import torch
from torch import Tensor, nn

import archdsl
from archdsl.backends.package.names import BOUND, name_fault
from archdsl.emission import NameFault, chosen_name

CLASSIFIER = r'''
arch 1
use std.regnet { y_block }
use std.blocks { conv_norm_act, pool_head }
# Two stages "of" a {{ 7 * 7 }} <b>net</b> with \ and ` and \" and [a link](https://example.org) """, too.
model classifier {
  input:  3 x 32 x 40
  stem:   conv_norm_act(8, stride: 2)
  stages: y_block { width: [8, 16]  depth: [1, 2]  stride: [1, 2]  group_width: 8  se_ratio: 1/4 }
  head:   pool_head(classes: 5, dropout_rate: 0.1)
  source { paper: "{{ cycler.__init__.__globals__ }} | <script>alert(1)</script> ' # ]" }
}
'''
PADDED = """
arch 1
use std.efficientnet { mbconv }
use std.ops { silu }
use std.blocks { conv_norm_act, conv_head }
model padded {
  input:  3 x 37 x 52
  stem:   conv_norm_act(8, stride: 2, act: silu, padding: "same")
  stages: mbconv { width: [8, 16, 24]  depth: [1, 2, 1]  stride: [1, 2, 2]  expand: 4  padding: "same"
                    drop: block.index / 10 }
  head:   conv_head(width: 24, classes: 5)
}
"""
DETECTOR = """
arch 1
use std.ops { conv }
use std.blocks { conv_norm_act }
block heads(x, y; classes: 3) {
  return [x -> conv(classes, kernel: 1), y -> conv(classes, kernel: 1), y -> conv(4, kernel: 1)]
}
model detector {
  input:  3 x 32 x 32
  stem:   conv_norm_act(8, stride: 2)
  stages: conv_norm_act { width: [8, 16]  depth: 1  stride: 2 }
  head:   heads(stages[0], stages[1])
}
"""
TOKENS = """
arch 1
use std.ops { concat, conv, layer_norm, linear, parameter, token, tokens }
block patches(x; width) {
  class_token = parameter(width x 1, init: normal(std: 0.1))
  all = concat(class_token, x -> conv(width, kernel: 8, stride: 8) -> tokens, over: tokens)
  return all + parameter(width x all.tokens, init: normal(std: 0.1))
}
block mixed(x) = x + (x -> layer_norm -> linear(x.channels))
block first(x; classes: 6) = x -> layer_norm -> token(1) -> linear(classes)
model tokens_net {
  input:  3 x 32 x 40
  stem:   patches(width: 12)
  stages: mixed { depth: 2 }
  head:   first
}
"""
SOURCES = {"classifier": CLASSIFIER, "padded": PADDED, "detector": DETECTOR, "tokens": TOKENS}


def compiled(name: str, /, **changes: Any) -> archdsl.Compiled:
    source = SOURCES.get(name)
    return archdsl.compile_text(source, **changes) if source else archdsl.compile(name, **changes)


def texts_of(name: str) -> dict[str, str]:
    return compiled(name, name=f"a_{name}").emit("package", "inference")


def write(folder: Path, texts: Mapping[str, str]) -> None:
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


class Packages:
    """The packages of some networks in one folder on the import path, each written once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.timm = emitted.reference("timm")

    def __getitem__(self, name: str) -> ModuleType:
        if not (self.folder / f"a_{name}").exists():
            self._install(name)
            importlib.import_module(f"a_{name}.timm_adapter")
        return importlib.import_module(f"a_{name}")

    def _install(self, name: str) -> None:
        """The first by pip; the others as their files."""
        texts = texts_of(name)
        if name != "classifier":
            write(self.folder, {path: text for path, text in texts.items() if "/" in path})
            return
        source = self.folder / "source"
        write(source, texts)
        (source.parent / ".git").mkdir()
        (source.parent / ".gitignore").write_text("*\n")  # the user's own, which leaves out what is built
        install = ["install", "-q", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(self.folder)]
        subprocess.run([sys.executable, "-m", "pip", *install, str(source)], check=True)
        assert {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()} == set(texts)

    def base(self, name: str, **settings: Any) -> Any:
        """The emitted module."""
        module = self[name]
        return emitted.randomise(getattr(module, module.__all__[1])(**settings)).eval().double()

    def adapted(self, name: str, **settings: Any) -> Any:
        """timm's, with the same numbers where it has the same tensors."""
        found = self.timm.create_model(self[name].__name__, **settings)
        return emitted.randomise(found).eval().double()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packages]:
    folder = tmp_path_factory.mktemp("packages")
    sys.path.insert(0, str(folder))
    yield Packages(folder)
    sys.path.remove(str(folder))


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    return len(a) == len(b) and all(map(same, a, b))


# As a user loads it


def test_what_pip_installed_is_all(packages: Packages) -> None:
    module = packages["classifier"]
    assert Path(str(module.__file__)).parent == packages.folder / "a_classifier"
    (found,) = packages.folder.glob("a_classifier-*.dist-info/METADATA")
    described = email.message_from_string(found.read_text(encoding="utf-8"))
    assert described["Name"] == "a-classifier"
    assert described["Requires-Dist"] == "torch>=2.6"
    assert described.get_payload().strip() == texts_of("classifier")["README.md"].strip()


def test_torch_hub_loads_a_folder(tmp_path: Path) -> None:
    write(tmp_path, compiled("padded", name="b_padded").emit("package"))
    loaded = torch.hub.load(str(tmp_path), "b_padded", source="local", num_classes=7, image_size=(40, 33))
    expected = emitted.randomise(compiled("padded", classes=7, input="3x40x33").module()).eval()
    loaded.load_state_dict(expected.state_dict())
    images = torch.randn(2, 3, 40, 33)
    assert same(loaded.eval()(images), expected(images))
    with pytest.raises(ValueError, match="no weights"):
        torch.hub.load(str(tmp_path), "b_padded", source="local", pretrained=True)


def test_the_mixin_saves_and_loads(packages: Packages, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the mixin is of huggingface_hub")
    assert packages["classifier"]
    hub = importlib.import_module("a_classifier.hub")
    kept = hub.AClassifierForHub(num_classes=7, in_channels=1)
    emitted.randomise(kept).reset_classifier(4)
    kept.save_pretrained(tmp_path)
    again = hub.AClassifierForHub.from_pretrained(tmp_path)
    images = torch.randn(2, 1, 32, 40)
    assert same(again(images), kept.eval()(images))
    assert again(images).shape == (2, 4)
    assert json.loads((tmp_path / "config.json").read_text()) == {"num_classes": 4, "in_channels": 1}
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert card.startswith(texts_of("classifier")["README.md"])
    assert '"num_classes": 4' in card
    # timm takes the same file
    overlay = {"file": str(tmp_path / "model.safetensors"), "num_classes": 4, "input_size": (1, 32, 40)}
    taken = packages.timm.create_model("a_classifier", pretrained=True, pretrained_cfg_overlay=overlay).eval()
    assert same(taken(images), again(images))
    # and no tensor may be missing
    state = safetensors.torch.load_file(tmp_path / "model.safetensors")
    state.pop("head.linear.bias")
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(RuntimeError, match=r"head\.linear\.bias"):
        hub.AClassifierForHub.from_pretrained(tmp_path)


# What timm asks of a model


@pytest.mark.parametrize("name", list(SOURCES))
def test_the_adapter_is_the_module(packages: Packages, name: str) -> None:
    base, adapted = packages.base(name), packages.adapted(name)
    images = emitted.images(compiled(name).network)
    assert base.state_dict().keys() == adapted.state_dict().keys()
    with torch.no_grad():
        expected = base(images)
        assert same(adapted(images), expected)
        if not hasattr(base, "forward_features"):
            with pytest.raises(NotImplementedError, match="several maps"):
                adapted.forward_head(images)
            return
        features = adapted.forward_features(images)
        assert same(adapted.forward_head(features), expected)
        assert features.shape[1 if features.dim() == 4 else 2] == adapted.num_features
        before = adapted.forward_head(features, pre_logits=True)
        assert same(adapted.forward_head(features), expected)
        assert adapted.get_classifier()(before).shape == expected.shape
        adapted.reset_classifier(0)
        assert same(adapted(images), before)
        assert before.shape[1] == adapted.head_hidden_size
        adapted.reset_classifier(3)
        assert adapted(images).shape == (2, 3)
        assert adapted.num_classes == 3


@pytest.mark.parametrize("name", ["classifier", "padded", "detector"])
def test_features_only_gives_the_maps_of_the_module(packages: Packages, name: str) -> None:
    base = packages.base(name)
    images = emitted.images(compiled(name).network)
    backbone = packages.adapted(name, features_only=True)
    first = packages.adapted(name, features_only=True, out_indices=(0, -2))
    for wrapper in (backbone, first):
        wrapper.model.load_state_dict(base.state_dict(), strict=False)
    with torch.no_grad():
        maps = base.feature_maps(images)
        assert same(backbone(images), maps)
        assert same(first(images), [maps[0], maps[-2]])
    assert tuple(backbone.feature_info.channels()) == base.feature_channels
    assert tuple(backbone.feature_info.reduction()) == base.feature_strides
    modules = dict(base.named_modules())
    assert all(module in modules for module in backbone.feature_info.module_name())
    assert not [key for key in backbone.state_dict() if key.startswith("model.head")]
    kept = {".".join(key.split(".")[1:3]) for key in first.state_dict() if key.startswith("model.stages")}
    last = len(base.stages) - 1
    assert f"stages.{last}" not in kept or name == "detector"


@pytest.mark.parametrize(
    ("name", "settings", "changes"),
    [
        ("classifier", {"num_classes": 9, "in_chans": 1}, {"classes": 9, "input": "1x32x40"}),
        ("padded", {"num_classes": 2, "in_chans": 4, "img_size": (40, 33)}, {"classes": 2, "input": "4x40x33"}),
        ("detector", {"in_chans": 2}, {"input": "2x32x32"}),
    ],
)
def test_other_settings_are_the_spec_compiled_so(
    packages: Packages, name: str, settings: dict[str, Any], changes: dict[str, Any]
) -> None:
    net = compiled(name, **changes)
    expected = emitted.randomise(net.module()).eval().double()
    adapted = packages.adapted(name, **settings)
    assert [(k, v.shape) for k, v in adapted.state_dict().items()] == [
        (k, v.shape) for k, v in expected.state_dict().items()
    ]
    images = emitted.images(net.network)
    assert same(adapted(images), expected(images))
    if name == "padded":  # the rate of stochastic depth, as the class takes it
        rates = [m.rate for m in packages.adapted(name, drop_path_rate=0.4).modules() if hasattr(m, "rate")]
        plain = [m.rate for m in packages.base(name, drop_path_rate=0.4).modules() if hasattr(m, "rate")]
        assert rates == plain
        assert max(rates) == 0.4


@pytest.mark.parametrize("name", ["classifier", "padded", "detector"])
def test_checkpointing_changes_no_number(packages: Packages, name: str) -> None:
    """Gradients, running statistics and what is random are those without it, bit for bit; also of a copy."""
    kept = packages.adapted(name).train()
    again = copy.deepcopy(kept)
    again.set_grad_checkpointing()
    again = copy.deepcopy(again)
    found = []
    for module in (kept, again):
        torch.manual_seed(3)
        given = module(emitted.images(compiled(name).network))
        sum(each.square().sum() for each in (given if isinstance(given, tuple) else (given,))).backward()
        found.append(([p.grad for p in module.parameters()], list(module.buffers())))
    assert same(found[0], found[1])
    calls: list[str] = []
    for path, layer in again.named_modules():
        layer.register_forward_hook(lambda *_, path=path: calls.append(path))
    if name != "detector":  # which gives several outputs
        again(emitted.images(compiled(name).network)).sum().backward()
        assert calls.count("stages.1.blocks.0") == 1
        assert max(calls.count(path) for path in calls if path.startswith("stages.1.blocks.0.")) == 2
        again.set_grad_checkpointing(False)
        calls.clear()
        again(emitted.images(compiled(name).network)).sum().backward()
        assert max(calls.count(path) for path in calls) == 1


def test_groups_of_parameters(packages: Packages) -> None:
    from timm.models import group_parameters
    from timm.optim import param_groups_layer_decay

    model = packages.adapted("classifier")
    groups = group_parameters(model, model.group_matcher())
    depths = [{".".join(name.split(".")[:4]) for name in names} for _, names in sorted(groups.items())]
    assert [{".".join(path.split(".")[:1]) for path in depth} for depth in depths] == [
        {"stem"},
        {"stages"},
        {"stages"},
        {"stages"},
        {"head"},
    ]
    assert depths[1:4] == [{f"stages.{stage}.blocks.{block}"} for stage, block in ((0, 0), (1, 0), (1, 1))]
    assert len(group_parameters(model, model.group_matcher(coarse=True))) == 4
    assert model.no_weight_decay() == set()
    tokens = packages.adapted("tokens")
    learned = tokens.no_weight_decay()
    shapes = {name: tuple(dict(tokens.named_parameters())[name].shape) for name in learned}
    assert sorted(shapes.values()) == [(1, 12), (21, 12)]  # the class token, and a vector for each position
    made = param_groups_layer_decay(tokens, weight_decay=0.1, no_weight_decay_list=learned)
    assert sum(parameter.numel() for group in made for parameter in group["params"]) == sum(
        parameter.numel() for parameter in tokens.parameters()
    )


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("detector", {"num_classes": 4}, "4 classes: no single layer"),
        ("classifier", {"img_size": 64}, "compile the spec for the size"),
        ("classifier", {"drop_path_rate": 0.1}, "drops no paths"),
        ("detector", {"drop_rate": 0.1}, "no dropout"),
        ("classifier", {"num_classes": -1}, "num_classes must be"),
        ("classifier", {"pretrained": True}, "No pretrained weights"),
        ("classifier", {"global_pool": "max"}, "global_pool"),
        ("classifier", {"features_only": True, "out_indices": (7,)}, "no such feature maps"),
        ("tokens", {"features_only": True}, "it has no feature maps"),
        ("tokens", {"img_size": (64, 40)}, "compile the spec for the size"),
    ],
)
def test_what_is_refused(packages: Packages, name: str, settings: dict[str, Any], words: str) -> None:
    assert packages[name]
    with pytest.raises((ValueError, TypeError, RuntimeError, IndexError), match=words):
        packages.timm.create_model(f"a_{name}", **settings)


def test_dropout_of_the_head(packages: Packages) -> None:
    for rate, expected in ((None, 0.1), (0.0, 0.0), (0.3, 0.3)):
        model = packages.adapted("classifier", drop_rate=rate)
        assert [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)] == [expected]


def test_a_detector_has_no_classifier(packages: Packages) -> None:
    model = packages.adapted("detector")
    for ask in (model.get_classifier, lambda: model.reset_classifier(3), lambda: model.forward_intermediates(None)):
        with pytest.raises(NotImplementedError):
            ask()


def test_what_timm_knows_of_it(packages: Packages) -> None:
    known = packages.adapted("classifier").pretrained_cfg
    assert known["input_size"] == (3, 32, 40)
    assert known["classifier"] == "head.linear"
    assert known["first_conv"] == "stem.conv"
    assert known["num_classes"] == 5
    assert not known["fixed_input_size"]
    assert packages.adapted("tokens").pretrained_cfg["fixed_input_size"]


@pytest.mark.parametrize("name", list(SOURCES))
def test_the_form_for_inference(packages: Packages, name: str) -> None:
    """It takes the weights of timm's model, and the test that is written beside the package passes."""
    adapted = packages.adapted(name)
    module = importlib.import_module(f"a_{name}.inference")
    (made,) = [each for each in vars(module).values() if getattr(each, "__name__", "").endswith("Inference")]
    fast = made().eval().double()
    fast.load_state_dict(module.from_training(adapted.state_dict()))
    images = emitted.images(compiled(name).network)
    with torch.no_grad():
        torch.testing.assert_close(fast(images), adapted(images), rtol=1e-9, atol=1e-9)
    written = ModuleType(f"test_a_{name}_inference")
    exec(compile(texts_of(name)[f"{written.__name__}.py"], written.__name__, "exec"), vars(written))
    written.test_they_belong_together()
    written.test_both_give_the_same()


def test_files_are_as_ruff_lays_them_out(tmp_path: Path) -> None:
    for name in (*SOURCES, "nf_resnet50"):  # whose classifier has a long path
        write(tmp_path, compiled(name, name=f"a_{name}").emit("package"))
    tools.run(tmp_path, "ruff", "format", "--check", "--diff", "--isolated", "--no-cache", ".")


# What a stranger's text does not do


def test_words_of_a_spec_stay_words() -> None:
    texts = texts_of("classifier")
    described = tomllib.loads(texts["pyproject.toml"])["project"]["description"]
    assert described.startswith('Two stages "of" a {{ 7 * 7 }} <b>net</b> with \\ and ` and')
    card = texts["README.md"]
    assert card.startswith("---\nlibrary_name: pytorch\n")
    front, body = card.removeprefix("---\n").split("---\n", 1)
    assert "stages" not in front
    assert "\\{\\{ 7 \\* 7 \\}\\} \\<b\\>net\\</b\\>" in body
    assert "\\<script\\>alert(1)\\</script\\>" in body
    assert "<" not in body.replace("\\<", "")
    assert "\\[a link\\](https" in body
    for path, text in texts.items():
        if path.endswith(".py"):
            tree = ast.parse(text)
            header = path.endswith(("network.py", "a_classifier/inference.py"))  # which is a string
            words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
            code = ast.unparse(tree)
            assert "__globals__" not in code or header, path
            assert not [word for word in words if isinstance(word, str) and "alert" in word] or header


@pytest.mark.parametrize(
    "name",
    [
        *("timm", "hubconf", "re", "torch", "_", "Any", "_network", "places", "scikit_learn", "class", "site"),
        *("Torch", "torch_", "_numpy", "PyYAML", "Typing__Extensions", "pip", "__init__", "__pycache__"),
    ],
)
def test_names_that_no_package_has(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        compiled("classifier", name=name).emit("package")


def test_a_function_of_any_name_hides_nothing() -> None:
    """What the files with a function of the network's name bind is refused as a name; other names do not meet."""
    for name in ("classifier", "padded", "detector"):
        texts = texts_of(name)
        for path in ("hubconf.py", f"a_{name}/timm_adapter.py"):
            bound = {
                alias.asname or alias.name
                for node in ast.parse(texts[path]).body
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names
            }
            tree = ast.parse(texts[path]).body
            bound |= {node.name for node in tree if isinstance(node, ast.FunctionDef | ast.ClassDef)}
            bound |= {
                t.id for node in tree if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)
            }
            strange = {each for each in bound if not each.endswith("ForTimm")} - {f"a_{name}"}
            assert not {each for each in strange if name_fault(each) is None and not taken(each)}
    assert all(name_fault(each) for each in BOUND)


def taken(name: str) -> bool:
    try:
        chosen_name(name, "m", [])
    except NameFault:
        return True
    return False
