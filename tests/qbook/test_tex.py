"""Formulas as text: readable, and nothing lost without a word."""

import pytest

from qbook.tex import fault, plain


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (r"\lambda \ge \kappa", "λ ≥ κ"),
        (r"\sin \mu", "sin μ"),
        (r"\sin\mu", "sin μ"),
        (r"N\ln N", "N ln N"),
        (r"\ln\ln x", "ln ln x"),
        (r"t \to \infty", "t → ∞"),
        (r"\dot \rho", "ρ̇"),
        (r"\sum_{n=0}^{\infty} x^n", "∑_(n=0)^∞ x^n"),
        (r"x_{n+1}", "x_(n+1)"),
        (r"e^{-x_{ij}}", "e^(-x_ij)"),
        (r"\sigma_z^{(i)}", "σ_z^(i)"),
        (r"\|x\|", "‖x‖"),
        (r"10^{-6}", "10^-6"),
        (r"T_{\mathrm{c}}", "T_c"),
    ],
)
def test_a_formula_reads_as_it_was_meant(formula, shown):
    assert fault(f"${formula}$") == ""
    assert plain(f"${formula}$") == shown


@pytest.mark.parametrize("macro", ["overline", "widehat", "underbrace", "operatorname"])
def test_a_macro_that_would_vanish_is_refused(macro):
    assert macro in fault(rf"$\{macro}{{x}}$")
