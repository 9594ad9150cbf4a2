"""What an entry point computes, against formulas of its own and against timm, step by step."""

from __future__ import annotations

import ast
import importlib
import math
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from scripts import PLAIN, STAGED, epochs, imported, script, sgd, torch

from archdsl.lifting.operators import declare
from archdsl.training.recipe import Duration, Optimizer, Recipe, Schedule

FAST = replace(
    PLAIN,
    name="fast",
    optimizer=Optimizer("adamw", Fraction("0.05"), ("norms",)),
    schedule=Schedule(
        "exponential", Fraction(2), decay=Fraction("0.02"), warmup=epochs(5), start=Fraction("0.1"), warm="factor"
    ),
    autoaugment=True,
    cutmix=Fraction(1),
    lighting=Fraction("0.1"),
    random_erasing=Fraction(1),
    precise_bn=256,
)
REGNET = replace(
    PLAIN,
    name="regnet",
    optimizer=sgd("5e-5", "biases"),
    schedule=Schedule("cosine", Fraction("0.8"), warmup=epochs(5), start=Fraction("0.1"), warm="factor", per="epoch"),
    mixup=Fraction("0.2"),
    swa=epochs(1),
)
LINE = replace(
    PLAIN,
    name="line",
    schedule=Schedule(
        "cosine", Fraction("0.5"), end=Fraction("0.01"), warmup=Duration(Fraction(15), "steps"), warm="line"
    ),
)

RISING = replace(PLAIN, name="rising", ema=Fraction(1, 4), ema_ramp=True)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The entry points of the recipes as modules, by the recipes' names."""
    folder = tmp_path_factory.mktemp("formulas")
    with ExitStack() as stack:
        recipes = (PLAIN, STAGED, FAST, REGNET, LINE, RISING)
        yield SimpleNamespace(
            **{r.name: stack.enter_context(imported(folder, r, f"net_{r.name}_of_formulas")) for r in recipes}
        )


def timm(module: str) -> Any:
    """A module of timm; beside some builds of torch it needs declarations to import."""
    declare()
    pytest.importorskip("timm", reason="timm is not installed", exc_type=ImportError)
    return importlib.import_module(f"timm.{module}")


def small_model() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Flatten(), torch.nn.Linear(72, 4)
    )


# Optimizers


def test_rmsprop_is_tensorflows(scripts: SimpleNamespace) -> None:
    train = scripts.staged
    settings = train.Settings(lr=0.01, weight_decay=1e-3)
    ours, theirs = small_model(), small_model()
    groups = train.groups_of(theirs, settings)
    optimizer = train.make_optimizer(ours, settings)
    reference = timm("optim").RMSpropTF(groups, lr=0.01, alpha=0.9, eps=0.001, momentum=0.9)
    for step in range(20):
        images = torch.randn(16, 3, 5, 5, generator=torch.Generator().manual_seed(step))
        for model, it in ((ours, optimizer), (theirs, reference)):
            it.param_groups[0]["lr"] = it.param_groups[1]["lr"] = 0.01 * 0.9**step
            it.zero_grad()
            model(images).square().mean().backward()
            it.step()
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_rmsprop_by_hand(scripts: SimpleNamespace) -> None:
    train = scripts.staged
    weight = torch.nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = train.RMSProp([weight], {"lr": 0.1, "momentum": 0.9, "decay": 0.8, "eps": 0.001, "weight_decay": 0.01})
    w, square, moved = 2.0, 1.0, 0.0
    for gradient in (1.0, -3.0, 0.5):
        weight.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        g = gradient + 0.01 * w
        square = 0.8 * square + 0.2 * g * g
        moved = 0.9 * moved + 0.1 * g / math.sqrt(square + 0.001)
        w -= moved
        assert weight.item() == pytest.approx(w, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("plain", None),
        ("regnet", {"fc.bias"}),
        ("fast", {"norm_1.weight", "norm_1.bias", "norm_2.weight", "norm_2.bias"}),
        ("staged", {"norm_1.weight", "norm_1.bias", "norm_2.weight", "norm_2.bias", "fc.bias"}),
    ],
)
def test_what_decays(scripts: SimpleNamespace, name: str, kept: set[str] | None) -> None:
    train = getattr(scripts, name)
    settings = train.Settings()
    model = train.build(settings, 10, (32, 32))
    groups = train.make_optimizer(model, settings).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = [({names[id(p)] for p in group["params"]}, group["weight_decay"]) for group in groups]
    assert found[0] == (set(names.values()) - (kept or set()), settings.weight_decay)
    assert found[1:] == ([(kept, 0.0)] if kept else [])
    assert settings.weight_decay > 0


def test_norms_of_all_kinds_are_found(scripts: SimpleNamespace) -> None:
    """By their kind: a parameter with one dimension that is no norm's decays."""
    train = scripts.fast
    model = torch.nn.Sequential(
        torch.nn.LayerNorm(4), torch.nn.GroupNorm(2, 4), torch.nn.PReLU(4), torch.nn.Linear(4, 2)
    )
    decayed, kept = train.groups_of(model, train.Settings())
    assert [tuple(p.shape) for p in decayed["params"]] == [(4,), (2, 4), (2,)]
    assert len(kept["params"]) == 4


# Schedules


PER_EPOCH = 7


def rates(train: ModuleType, count: int, **changes: Any) -> list[float]:
    settings = train.Settings(epochs=count, **changes)
    return [train.rate_at(step, PER_EPOCH, settings) for step in range(count * PER_EPOCH)]


def test_half_a_cosine_by_epochs(scripts: SimpleNamespace) -> None:
    """As pycls computes it: the warm-up multiplies."""
    expected = []
    for step in range(100 * PER_EPOCH):
        epoch = step // PER_EPOCH
        rate = 0.8 * 0.5 * (1 + math.cos(math.pi * epoch / 100))
        expected.append(rate * (0.1 * (1 - epoch / 5) + epoch / 5 if epoch < 5 else 1))
    assert rates(scripts.regnet, 100) == pytest.approx(expected, rel=1e-12)


def test_an_exponential(scripts: SimpleNamespace) -> None:
    expected = []
    for step in range(100 * PER_EPOCH):
        t = step / PER_EPOCH
        expected.append(2.0 * 0.02 ** (t / 100) * (0.1 * (1 - t / 5) + t / 5 if t < 5 else 1))
    assert rates(scripts.fast, 100) == pytest.approx(expected, rel=1e-12)


def test_stairs(scripts: SimpleNamespace) -> None:
    expected = []
    for step in range(30 * PER_EPOCH):
        rate = 0.01 * 0.97 ** math.floor(Fraction(step, PER_EPOCH) / Fraction("2.4"))
        share = (step + 1) / PER_EPOCH
        expected.append(0.01 * (0.1 + 0.9 * share) if step < PER_EPOCH else rate)
    assert rates(scripts.staged, 30) == pytest.approx(expected, rel=1e-12)


def test_a_line_then_timms_cosine(scripts: SimpleNamespace) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    reference = timm("scheduler").CosineLRScheduler(
        optimizer, t_initial=20 * PER_EPOCH - 15, lr_min=0.005, t_in_epochs=False
    )
    found = rates(scripts.line, 20)
    assert found[:15] == pytest.approx([0.5 * (step + 1) / 15 for step in range(15)])
    for step, rate in enumerate(found[15:]):
        reference.step_update(step)
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)


def test_a_constant(scripts: SimpleNamespace) -> None:
    assert set(rates(scripts.plain, 3)) == {0.05}


def test_the_rate_is_of_a_batch(scripts: SimpleNamespace) -> None:
    train = scripts.plain
    data = SimpleNamespace(train=SimpleNamespace(whole=True))
    for batch, lr in ((32, 0.025), (64, 0.05), (256, 0.2)):
        assert train.decide(train.Settings(batch_size=batch), 1000, data, train.World()).peak == pytest.approx(lr)
    assert train.decide(train.Settings(), 16, data, train.World(size=2)).batch_size == 16
    with pytest.raises(train.Fault, match="3 images are too few for 4 parts"):
        train.decide(train.Settings(accumulate=2), 3, data, train.World(size=2))


# Averages


def begun(train: ModuleType, folder: Path, **changes: Any) -> Any:
    settings = train.Settings(batch_size=16, image_size=(8, 8), test_size=(8, 8), out=str(folder), **changes)
    images = torch.randint(0, 256, (64, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    source = train.Pixels("some", bytes(images.flatten().tolist()), (8, 8), [index % 4 for index in range(64)])
    data = train.Data(source, source, list(range(64)), list(range(64)), list("abcd"))
    return train.begin(settings, train.World(), torch.device("cpu"), data, {})


def test_the_average_is_timms(scripts: SimpleNamespace, tmp_path: Path) -> None:
    """A copy in the warm-up, then 0.9 of itself, every second step, with the statistics of norms."""
    run = begun(scripts.staged, tmp_path, accumulate=1)
    reference = timm("utils").ModelEmaV3(run.model, decay=0.9, update_after_step=2, foreach=False)
    assert run.order.steps == 4
    copies = []
    images = torch.randn(8, 3, 8, 8)
    for step in range(12):
        run.model(images * (step + 1)).square().mean().backward()
        scripts.staged.update(run, step)
        if (step + 1) % 2 == 0:
            reference.update(run.model, step=step // 2 + 2)
        ours, theirs = run.ema.module.state_dict(), reference.module.state_dict()
        copies.append(all(torch.equal(ours[name], value) for name, value in run.model.state_dict().items()))
        for name in ours:
            if ours[name].is_floating_point():
                torch.testing.assert_close(ours[name], theirs[name], rtol=1e-5, atol=1e-6)
    assert copies[1]
    assert copies[3]
    assert not any(copies[4:])


def test_an_average_that_rises(scripts: SimpleNamespace, tmp_path: Path) -> None:
    """After n updates it keeps (1 + n) / (10 + n) of itself, up to the decay: TensorFlow's rule."""
    train = scripts.rising
    run = begun(train, tmp_path)
    wanted = {name: value.clone() for name, value in run.model.state_dict().items()}
    for step in range(6):
        run.model(torch.randn(8, 3, 8, 8)).square().mean().backward()
        train.update(run, step)
        kept = min(0.25, (1 + step) / (10 + step)) if step else 0.0
        for name, value in run.model.state_dict().items():
            if value.is_floating_point():
                wanted[name] = kept * wanted[name] + (1 - kept) * value
                torch.testing.assert_close(run.ema.module.state_dict()[name], wanted[name], rtol=1e-5, atol=1e-6)


def test_averages_of_weights_at_ends_of_epochs(scripts: SimpleNamespace, tmp_path: Path) -> None:
    train = scripts.regnet
    run = begun(train, tmp_path, epochs=4, norm_images=64)
    ends = []
    write, renew = run.write, train.precise_bn
    run.write = lambda: (ends.append({k: v.clone() for k, v in run.model.state_dict().items()}), write())
    train.fit(run, 4)
    assert run.swa.n_averaged == 3  # from the end of the second epoch on: it is later than epoch 1
    for name, parameter in run.swa.module.named_parameters():
        torch.testing.assert_close(parameter, sum(end[name] for end in ends[1:]) / 3)
    assert renew is train.precise_bn


def test_precise_statistics(scripts: SimpleNamespace, tmp_path: Path) -> None:
    """The mean of the batches' means, and of their variances."""
    train = scripts.fast
    run = begun(train, tmp_path, norm_images=48)
    for module in run.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    momentum = run.model.norm_1.momentum
    train.precise_bn(run, run.model)
    run.order.epoch, run.order.start = 1, 0
    inner = [run.model.conv_1(images) for images, _ in list(run.batches)[:3]]
    mean = torch.stack([x.mean((0, 2, 3)) for x in inner]).mean(0)
    var = torch.stack([x.transpose(0, 1).flatten(1).var(1) for x in inner]).mean(0)
    torch.testing.assert_close(run.model.norm_1.running_mean, mean)
    torch.testing.assert_close(run.model.norm_1.running_var, var)
    assert run.model.norm_1.momentum == momentum


# Regularization


def test_dropout_and_drop_path(scripts: SimpleNamespace) -> None:
    train = scripts.staged
    ends = list(train.stages(train.Settings(image_size=(32, 48))))
    assert [end for _, end in ends] == [2, 4]
    assert [stage.image_size for stage, _ in ends] == [(18, 27), (32, 48)]
    models = [train.build(stage, 10, stage.image_size) for stage, _ in ends]
    assert [model.drop_path_rate for model in models] == [0.1, 0.2]
    assert [model.image_size for model in models] == [(18, 27), (32, 48)]
    assert {model.dropout.p for model in models} == {0.2}
    assert scripts.plain.build(scripts.plain.Settings(), 10, (8, 8)).dropout.p == 0.1


def test_mixup(scripts: SimpleNamespace) -> None:
    train, classes = scripts.regnet, 5
    settings = train.Settings(mixup=0.2)
    images, labels = torch.randn(6, 3, 4, 4), torch.tensor([0, 1, 2, 3, 4, 0])
    mixed, targets = train.mix(images, labels, classes, settings, train.draws("a"))
    drawn = train.draws("a")
    for number in range(6):
        share = drawn.betavariate(0.2, 0.2)  # one for each image
        other = 5 - number
        torch.testing.assert_close(mixed[number], share * images[number] + (1 - share) * images[other])
        expected = torch.zeros(classes)
        expected[labels[number]] += share
        expected[labels[other]] += 1 - share
        torch.testing.assert_close(targets[number], expected)
    reference = timm("data.mixup").mixup_target
    one = reference(labels, classes, lam=0.3, smoothing=0.0)
    torch.testing.assert_close(one[0], torch.tensor([0.3 + 0.7, 0, 0, 0, 0]))  # image 0 and the last, both of class 0


def test_mixup_has_the_distribution(scripts: SimpleNamespace) -> None:
    train = scripts.regnet
    labels = torch.arange(2).repeat_interleave(1000)
    _, targets = train.mix(torch.zeros(2000, 1, 1, 1), labels, 2, train.Settings(mixup=0.2), train.draws(1))
    shares = targets[range(2000), labels]
    assert shares.mean().item() == pytest.approx(0.5, abs=0.03)
    assert shares.var().item() == pytest.approx(1 / (4 * (2 * 0.2 + 1)), abs=0.01)


def test_cutmix(scripts: SimpleNamespace) -> None:
    train = scripts.fast
    images = torch.arange(8.0)[:, None, None, None].expand(8, 1, 16, 16)
    mixed, targets = train.mix(images, torch.arange(8), 8, train.Settings(), train.draws(3))
    for number in range(8):
        own = mixed[number, 0] == number
        assert (own | (mixed[number, 0] == 7 - number)).all()
        cut = (~own).nonzero()
        if len(cut):
            high, low = cut.max(0).values, cut.min(0).values
            assert len(cut) == int(torch.prod(high - low + 1))  # a box
        assert targets[number, number].item() == pytest.approx(own.float().mean().item())
    torch.testing.assert_close(targets.sum(1), torch.ones(8))


def test_mixup_and_cutmix_share_a_batch(scripts: SimpleNamespace) -> None:
    train = scripts.staged
    images = torch.arange(8.0)[:, None, None, None].expand(8, 1, 16, 16)
    labels = torch.arange(8)
    last = train.STAGES[-1]
    mixed, _ = train.mix(
        images, labels, 8, replace(train.Settings(), **{k: last[k] for k in ("mixup", "cutmix")}), train.draws(0)
    )
    assert [len(image.unique()) for image in mixed[:4]] == [1] * 4
    assert any(len(image.unique()) == 2 for image in mixed[4:])
    same, hard = train.mix(images, labels, 8, replace(train.Settings(), mixup=0.0, cutmix=0.0), train.draws(0))
    assert torch.equal(same, images)
    assert torch.equal(hard, torch.eye(8))


# Augmentation


def picture(mode: str = "RGB") -> Any:
    from PIL import Image

    pixels = random.Random(0).randbytes(24 * 20 * len(mode))
    return Image.frombytes(mode, (24, 20), pixels)


class Positive(random.Random):
    """Draws the positive sign, and the middle of a range."""

    def choice(self, options: Any) -> Any:
        return options[-1]


def test_operations_are_timms(scripts: SimpleNamespace) -> None:
    """At all levels, with the same bytes; shifts and cutouts apart, which depend on the size."""
    their = timm("data.auto_augment")
    image = picture()
    drawn = Positive(0)
    kwargs = {"fillcolor": (128, 128, 128), "resample": 0}
    for level in range(11):
        share = level / 10
        factor = 0.1 + 1.8 * share
        bits = their._posterize_level_to_arg(level, None)[0]
        pairs = {
            "auto_contrast": their.auto_contrast(image),
            "equalize": their.equalize(image),
            "invert": their.invert(image),
            "rotate": their.rotate(image, 30 * share, **kwargs),
            "posterize": their.posterize(image, bits) if bits else image.point([0] * 768),
            "solarize": their.solarize(image, their._solarize_level_to_arg(level, None)[0]),
            "solarize_add": their.solarize_add(image, their._solarize_add_level_to_arg(level, None)[0]),
            "color": their.color(image, factor),
            "contrast": their.contrast(image, factor),
            "brightness": their.brightness(image, factor),
            "sharpness": their.sharpness(image, factor),
            "shear_x": their.shear_x(image, 0.3 * share, **kwargs),
            "shear_y": their.shear_y(image, 0.3 * share, **kwargs),
            "translate_x": their.translate_x_abs(image, 100 / 224 * 24 * share, **kwargs),
            "translate_y": their.translate_y_abs(image, 100 / 224 * 20 * share, **kwargs),
        }
        assert pairs.keys() | {"cutout"} == set(scripts.staged.OPERATIONS)
        for name, expected in pairs.items():
            assert scripts.staged.change(image, name, share, drawn).tobytes() == expected.tobytes(), (name, level)


def test_cutout(scripts: SimpleNamespace) -> None:
    image = picture().resize((224, 224))
    found = scripts.staged.change(image, "cutout", 0.5, random.Random(1))
    changed = [a != b for a, b in zip(image.tobytes(), found.tobytes(), strict=True)]
    assert 0.5 < sum(changed) / (3 * 40 * 40) <= 1


def test_the_policy_is_timms(scripts: SimpleNamespace) -> None:
    their = timm("data.auto_augment").auto_augment_policy_original({})
    names = {"posterizeoriginal": "posterize_least_4", "autocontrast": "auto_contrast", "shearx": "shear_x"}
    assert len(scripts.fast.POLICY) == 25
    for ours, theirs in zip(scripts.fast.POLICY, their, strict=True):
        for (name, probability, level), op in zip(ours, theirs, strict=True):
            found = op.name.lower()
            assert (name, probability, level) == (names.get(found, found), op.prob, op.magnitude)
    image = picture()
    bits = timm("data.auto_augment").posterize(image, 4 + int(0.7 * 4))
    assert scripts.fast.change(image, "posterize_least_4", 0.7, random.Random(0)).tobytes() == bits.tobytes()


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_policies_draw_for_each_image(scripts: SimpleNamespace, mode: str) -> None:
    image = picture(mode)
    found = {scripts.staged.rand_augment(image, 20.0, random.Random(n)).tobytes() for n in range(40)}
    assert len(found) > 25
    assert len({scripts.fast.auto_augment(image, random.Random(n)).tobytes() for n in range(40)}) > 15
    one, two = (scripts.staged.rand_augment(image, 15.0, random.Random(7)).tobytes() for _ in range(2))
    assert one == two


def test_lighting(scripts: SimpleNamespace) -> None:
    train = scripts.fast
    moves = torch.stack([train.light(torch.zeros(3, 1, 1), 0.1, random.Random(n))[:, 0, 0] for n in range(4000)])
    vectors, values = torch.tensor(train.COLOR_VECTORS), torch.tensor(train.COLOR_VALUES)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(3), rtol=0, atol=1e-3)
    expected = vectors @ torch.diag((0.1 * values) ** 2) @ vectors.T
    torch.testing.assert_close(moves.T.cov(), expected, rtol=0, atol=3e-5)


def test_erasing(scripts: SimpleNamespace) -> None:
    shares = []
    for number in range(300):
        found = scripts.fast.erase(torch.zeros(3, 40, 50), random.Random(number))
        hit = found[0].nonzero()
        high, low = hit.max(0).values, hit.min(0).values
        height, width = (int(x) for x in high - low + 1)
        assert len(hit) == height * width
        shares.append(height * width / 2000)
        assert 0.25 < height / width < 4
    assert min(shares) > 0.015
    assert max(shares) < 0.36


def test_an_image_depends_on_its_key_alone(scripts: SimpleNamespace, tmp_path: Path) -> None:
    run = begun(scripts.fast, tmp_path)
    images = run.batches.dataset
    one, other, again = images[3, 5][0], images[4, 5][0], images[3, 5][0]
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


# Orders


def test_the_same_images_in_a_step(scripts: SimpleNamespace) -> None:
    train = scripts.plain
    whole = [set(batch) for batch in train.Order(50, 16, 1, 0, train.World())]
    assert len(whole) == 3
    parts: list[set[Any]] = [set(), set(), set()]
    for rank in range(2):
        order = train.Order(50, 16, 4, 0, train.World(rank, 2))
        assert len(order) == 12
        for number, batch in enumerate(order):
            assert len(batch) == 2
            parts[number // 4] |= set(batch)
    assert parts == whole
    late = train.Order(50, 16, 1, 0, train.World())
    late.start = 2
    assert [set(batch) for batch in late] == whole[2:]
    keys = [
        key for rank in range(3) for batch in train.sequential_batches(10, 2, train.World(rank, 3)) for key in batch
    ]
    assert sorted(keys) == [(0, index) for index in range(10)]


# The text


def names_of(recipe: Recipe) -> set[str]:
    tree = ast.parse(script(recipe))
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def test_only_what_the_recipe_uses() -> None:
    optional = {
        "groups_of": {"staged", "fast", "regnet"},
        "RMSProp": {"staged"},
        "stages": {"staged"},
        "rand_augment": {"staged"},
        "auto_augment": {"fast"},
        "change": {"staged", "fast"},
        "mix": {"staged", "fast", "regnet"},
        "cut": {"staged", "fast"},
        "light": {"fast"},
        "erase": {"fast"},
        "precise_bn": {"fast", "regnet"},
        "random_part": set[str](),
    }
    for recipe in (PLAIN, STAGED, FAST, REGNET, LINE):
        found = names_of(recipe)
        for name, users in optional.items():
            assert (name in found) == (recipe.name in users), (recipe.name, name)
        text = script(recipe)
        for word, used in (("autocast", False), ("GradScaler", False), ("AveragedModel", recipe in (STAGED, REGNET))):
            assert (word in text) == used
    mixed = script(replace(PLAIN, precision="float16"))
    assert "autocast" in mixed
    assert "GradScaler" in mixed


@pytest.mark.parametrize("text", ['"""\nimport os\n', "\\", "\x00\u2028{{ 1 }}", "\u00e9 \U0001f600 " * 60])
def test_a_strangers_recipe_stays_words(text: str) -> None:
    def shape(recipe: Recipe) -> str:
        written = script(recipe)
        assert written.isascii()
        tree = ast.parse(written)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef)) and ast.get_docstring(node) is not None:
                node.body.pop(0)
        return ast.dump(tree)

    strange = replace(PLAIN, name=text, doc=text, transcribed=text, verified=((text, text),), source=((text, text),))
    assert shape(strange) == shape(PLAIN)
