"""The stored sweeps against a few of their points at twice the sampling."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

FILE = Path(__file__).resolve().parents[2] / "tools" / "sweeps.py"
SPEC = importlib.util.spec_from_file_location("sweeps", FILE)
sweeps = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sweeps)

# Rows as they were stored when samples lay 0.1 apart, or 4 times farther than now.
COARSE = {
    "dual-cavity-splits": """\
atoms_a,atoms_b,exchange,repulsion,cutoff_a,cutoff_b,leak,max_power,power_time,max_energy,energy_time
18,2,0.0,2.0,166,19,2.1e-09,27.20699,0.3980,17.95686,1.1194
18,2,0.5,2.0,166,23,1.7e-04,25.34644,0.4013,17.39136,1.1025
""",
    "dual-cavity-exchange": """\
atoms_a,atoms_b,exchange,repulsion,cutoff_a,cutoff_b,leak,max_power,power_time,max_energy,energy_time
10,2,1.0,2.0,72,19,1.3e-04,8.01826,0.6516,8.86031,2.0160
10,2,1.0,2.0,72,19,1.3e-04,8.01826,0.6516,8.86031,2.0160
""",
    "dual-cavity-far": """\
exchange,repulsion,atoms_a,atoms_b,cutoff_a,cutoff_b,leak,max_power,power_time
0.0,0.5,60,0,215,0,3.3e-04,110.70011,0.2925
0.0,0.5,60,0,215,0,3.3e-04,110.70011,0.2925
""",
}


@pytest.mark.parametrize("name", sweeps.TABLES)
def test_stored_digits_hold_at_twice_the_sampling(name):
    found = sweeps.spot(name, seed=3, count=2)
    assert len(found) >= 2
    assert (found["off"] <= 1).all()


@pytest.mark.parametrize("name", COARSE)
def test_digits_of_a_coarse_sampling_are_refused(name, tmp_path):
    (tmp_path / "coarse.csv").write_text(COARSE[name], encoding="utf-8")
    coarse = pd.read_csv(tmp_path / "coarse.csv")
    with pytest.raises(RuntimeError, match="digits that do not hold"):
        sweeps.spot(name, count=2, stored=coarse)
