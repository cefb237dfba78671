"""The reference says of a field of a named tuple what the class says of it."""

import pytest
import tuple_fields

from qbcore.nonreciprocal.formulas import TwoPhotonSteady
from qbcore.rosen_zener.formulas import GaugeIntegrals


def shown(kind, field):
    lines = [getattr(kind, field).__doc__]
    assert lines[0].startswith("Alias for field number")
    name = f"{kind.__module__}.{kind.__name__}.{field}"
    tuple_fields.describe(None, "attribute", name, None, None, lines)
    return lines


@pytest.mark.parametrize("kind", [GaugeIntegrals, TwoPhotonSteady])
def test_no_field_of_a_closed_form_is_an_alias(kind):
    for field in kind._fields:
        assert "Alias" not in shown(kind, field)[0]


def test_a_field_has_the_text_of_its_class():
    assert shown(GaugeIntegrals, "b3") == ["Of Jy and Jz."]
    assert shown(TwoPhotonSteady, "ergotropy")[0].startswith("Work that the battery")


def test_other_docstrings_stay():
    lines = ["Energy of one quantum."]
    tuple_fields.describe(
        None, "property", "qbcore.StarBattery.quantum", None, None, lines
    )
    assert lines == ["Energy of one quantum."]
