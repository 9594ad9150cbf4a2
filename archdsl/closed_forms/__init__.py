"""Closed forms of a cost: polynomials in a model's widths, depths and resolution, and their leading exponents."""

from archdsl.closed_forms.leading import Leading, exponent_text, leading_exponents, same_exponent
from archdsl.closed_forms.model import Formulas, formula_network, formulas_of

__all__ = [
    "Formulas",
    "Leading",
    "exponent_text",
    "formula_network",
    "formulas_of",
    "leading_exponents",
    "same_exponent",
]
