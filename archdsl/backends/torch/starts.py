"""How parameters start, as a function of the emitted file."""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.backends.torch.layout import fold
from archdsl.graph.starts import Formula, Start, mentions

FANS = {
    "conv": {
        "fan_in": "module.in_channels // module.groups * math.prod(module.kernel_size)",
        "fan_out": "module.out_channels * math.prod(module.kernel_size)",
        "groups": "module.groups",
    },
    "linear": {"fan_in": "module.in_features", "fan_out": "module.out_features", "groups": "1"},
}
"""PyTorch's names of what a formula can ask for."""
NORMS = {"batch_norm": "nn.BatchNorm2d", "group_norm": "nn.GroupNorm", "layer_norm": "nn.LayerNorm"}


def starts_lines(starts: Mapping[str, Start], operations: frozenset[str], keeps_zeros: bool) -> list[str]:
    """`init_weights`, for the operations that the network has; nothing where nothing is declared.

    With `keeps_zeros`, norms that start at a scale of 0 stay there.
    """
    cases: list[tuple[str, list[str]]] = []
    if "conv" in operations and (lines := _weights("conv", starts, starts.get("bias"))):
        cases.append(("nn.Conv2d", lines))
    if "linear" in operations and (lines := _weights("linear", starts, starts.get("linear.bias", starts.get("bias")))):
        cases.append(("nn.Linear", lines))
    norms = [name for operation, name in NORMS.items() if operation in operations]
    if norms and (lines := _norm(starts, keeps_zeros)):
        cases.append((" | ".join(norms), lines))
    if not cases:
        return []
    lines = [
        "def init_weights(module: nn.Module) -> None:",
        '    """Start the parameters of a layer as the model declares."""',
    ]
    for index, (kind, body) in enumerate(_joined(cases)):
        word = "elif" if index else "if"
        if body[0].startswith("if ") and all(text.startswith(" ") for text in body[1:]):  # nothing but one condition
            condition = body[0].removeprefix("if ")
            lines += fold(f"{word} isinstance(module, {kind}) and {condition}", 4)
            body = [text.removeprefix("    ") for text in body[1:]]
        else:
            lines.append(f"    {word} isinstance(module, {kind}):")
        lines += [line for text in body for line in _indented(text)]
    return lines


def _joined(cases: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """The same with one case for neighbours that do the same."""
    found: list[tuple[str, list[str]]] = []
    for kind, body in cases:
        if found and found[-1][1] == body:
            found[-1] = f"{found[-1][0]} | {kind}", body
        else:
            found.append((kind, body))
    return found


def _indented(text: str) -> list[str]:
    depth = len(text) - len(text.lstrip())
    return fold(text.lstrip(), 8 + depth)


def _weights(layer: str, starts: Mapping[str, Start], bias: Start | None) -> list[str]:
    lines = []
    weight = starts.get(layer)
    if weight is not None:
        lines += _fans(layer, weight)
        lines += _calls("module.weight", weight)
    if bias is not None:
        lines.append("if module.bias is not None:")
        lines += [f"    {line}" for line in _fans(layer, bias, weight)]
        lines += [f"    {line}" for line in _calls("module.bias", bias)]
    return lines


def _fans(layer: str, start: Start, known: Start | None = None) -> list[str]:
    """The names that a formula uses and that are not known yet."""
    fans = FANS[layer]
    return [
        f"{name} = {text}"
        for name, text in fans.items()
        if mentions(start.amount, name) and not (known is not None and mentions(known.amount, name))
    ]


def _norm(starts: Mapping[str, Start], keeps_zeros: bool) -> list[str]:
    lines = []
    scale, shift = starts.get("norm.scale"), starts.get("norm.shift")
    if scale is not None and not (keeps_zeros and scale == Start("constant", 1.0)):
        lines.append("if module.weight is not None:")
        if keeps_zeros:
            lines.append("    start = torch.empty_like(module.weight)")
            lines += [f"    {line}" for line in _calls("start", scale)]
            lines.append("    with torch.no_grad():")
            lines.append("        module.weight.mul_(start)  # a scale of 0 stays")
        else:
            lines += [f"    {line}" for line in _calls("module.weight", scale)]
    if shift is not None:
        lines.append("if module.bias is not None:")
        lines += [f"    {line}" for line in _calls("module.bias", shift)]
    return lines


def _calls(tensor: str, start: Start) -> list[str]:
    """The statements that let a tensor start so."""
    amount, strength = _text(start.amount)
    if start.kind == "constant":
        return [f"nn.init.zeros_({tensor})" if start.amount == 0 else f"nn.init.constant_({tensor}, {amount})"]
    if start.kind == "normal":
        return [f"nn.init.normal_({tensor}, std={amount})"]
    lines = []
    name = "std" if start.kind == "truncated_normal" else "bound"
    if strength < 4 or len(amount) > 12:
        lines.append(f"{name} = {amount}")
        amount = name
    if start.kind == "truncated_normal":
        return [*lines, f"nn.init.trunc_normal_({tensor}, std={amount}, a=-2 * {amount}, b=2 * {amount})"]
    return [*lines, f"nn.init.uniform_({tensor}, -{amount}, {amount})"]


_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 3}


def _text(formula: Formula) -> tuple[str, int]:
    """A formula in Python, and how strongly it binds: 4 for a name, a number or a call."""
    if isinstance(formula, str):
        return formula, 4
    if not isinstance(formula, tuple):
        text = str(int(formula)) if abs(formula) < 1e9 and formula == int(formula) else repr(float(formula))
        return text, 4 if formula >= 0 else 0  # a sign binds less than a power
    operator, parts = formula
    if operator not in _STRENGTH:
        inside = ", ".join([_text(part)[0] for part in parts])
        return f"{'math.' if operator in ('sqrt', 'log') else ''}{operator}({inside})", 4
    own = _STRENGTH[operator]
    (left, left_strength), (right, right_strength) = _text(parts[0]), _text(parts[1])
    left = left if (left_strength >= own and operator != "^") or left_strength == 4 else f"({left})"
    right = right if right_strength > own else f"({right})"
    return f"{left} {'**' if operator == '^' else operator} {right}", own
