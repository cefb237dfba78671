"""What lessons, glossary and course pages say in numbers, computed again."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import qutip
from notebooks import all_notebooks
from scipy.integrate import cumulative_simpson

from qbcore.dual_cavity import DualCavityBattery
from qbcore.nonreciprocal import NonreciprocalBattery
from qbcore.nonreciprocal.formulas import coherent_amplitudes, exceptional_coupling
from qbcore.rosen_zener import RosenZenerBattery
from qbcore.star import CommonBathStar
from qbook import claims

BOOK = Path(__file__).resolve().parents[2] / "book"


def test_lessons_name_entries_and_errata_that_exist():
    lessons = (BOOK / "synthesis" / "lessons.md").read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:own(?!-claims)|guo|zhang|kamin|lin|xu|ahmadi)-[\w-]+)`", lessons
    )
    assert set(named) <= {claim.id for claim in claims.load()}
    citing = (BOOK / "reference" / "citing.md").read_text(encoding="utf-8")
    lists = re.findall(r"Errata (\*.+)$", lessons, flags=re.M)
    titles = [title for line in lists for title in re.findall(r"\*([^*]+)\*", line)]
    assert len(lists) == 7
    assert [t for t in titles if f"- *{t.rstrip('.')}" not in citing] == []


def steady_states(cells: int, detuning: float) -> int:
    """Dimension of the null space, the battery's splitting changed by 2 detuning."""
    star = CommonBathStar(cells=cells, potential=2.0)
    first = [qutip.sigmaz(), *[qutip.qeye(2)] * (cells - 1)]
    h = star.hamiltonian() + detuning * qutip.tensor(first)
    whole = qutip.liouvillian(h, star.collapse_operators()).full()
    return int((np.linalg.svd(whole, compute_uv=False) < 1e-9).sum())


@pytest.mark.parametrize(
    ("cells", "shared", "detuned"), [(2, 2, 1), (3, 2, 2), (4, 9, 5)]
)
def test_swaps_and_total_spin_share_the_steady_states(cells, shared, detuned):
    assert steady_states(cells, 0.0) == shared
    assert steady_states(cells, 0.3) == detuned


@pytest.mark.parametrize(
    ("split", "least", "most"), [(10, 0, 1e-10), (18, 0.008, 0.01)]
)
def test_power_of_twenty_atoms_peaks_early_but_not_before_the_light(split, least, most):
    cavities = DualCavityBattery(atoms_a=split, atoms_b=20 - split, repulsion=0.5)
    times = np.linspace(0, 0.7, 36)
    curve = cavities.charge(times, leak=1.0)
    peak = curve.max_average_power.time
    assert 0.4 < peak < 0.6
    assert least <= curve.leak[:, times <= peak].max() < most


def scatter(coupling: complex, noise: str) -> float:
    """Relative spread of the stored energy for 2 percent of one kind of noise."""
    z = 0.02 * np.random.default_rng(5).standard_normal((2, 200_000))
    j, halves = coupling, (0.3, -0.3)
    if noise == "coupling":
        j = coupling * (1 + z[0])
    else:
        halves = (0.3 + z[0], -0.3 + z[1])
    rates = {"losses": (1.1, 1.05), "cross_loss": 1.0, "detunings": halves}
    energy = np.abs(coherent_amplitudes(drive=0.5, coupling=j, **rates)[1]) ** 2
    return energy.std() / energy.mean()


@pytest.mark.parametrize(
    ("noise", "exceptional", "one_way"),
    [("coupling", 0.027, 0.033), ("detunings", 0.059, 0.045)],
)
def test_exceptional_point_scatters_less_or_more_by_what_is_random(
    noise, exceptional, one_way
):
    there = exceptional_coupling(losses=(1.1, 1.05), cross_loss=1.0, detuning=0.6)
    # Rounded to 0.001; 200 000 samples leave 0.0001.
    assert scatter(there, noise) == pytest.approx(exceptional, abs=0.0007)
    assert scatter(0.5j, noise) == pytest.approx(one_way, abs=0.0007)


@pytest.mark.parametrize(
    ("interaction", "length", "charge"),
    [(2.0, 0.05, 0.998), (2.0, 1.0, 0.659), (0.0, 0.1, 0.996), (0.0, 1.0, 0.744)],
)
def test_pulse_area_pi_charges_fully_in_a_short_pulse_only(interaction, length, charge):
    duration = length * np.pi
    battery = RosenZenerBattery(
        atoms=10,
        drive=2 * np.pi / duration,
        duration=duration,
        interaction=interaction,
    )
    assert battery.pulse_area(duration) == pytest.approx(np.pi)
    stored = battery.charge().max_energy.value
    assert stored / battery.capacity == pytest.approx(charge, abs=0.0006)


def returned(loss: float, drive: float) -> float:
    """Largest share of the energy fed in by pairs that comes back as work."""
    share = np.sqrt(0.5)
    battery = NonreciprocalBattery(
        charger_loss=loss,
        battery_loss=loss,
        charger_share=share,
        battery_share=share,
        two_photon_drive=drive,
    )
    times = np.linspace(0, 80, 4001)
    curve = battery.charge(times)
    fed_in = cumulative_simpson(curve.input_power, x=times, initial=0)
    return float((curve.ergotropy[1:] / fed_in[1:])[fed_in[1:] > 1e-4].max())


def test_less_than_half_of_what_is_fed_in_comes_back_below_the_threshold():
    for loss in (0.001, 0.01, 0.1, 0.3):
        for part in (0.1, 0.5, 0.9, 0.99):
            assert returned(loss, part * (loss + 0.5) / 4) < 0.5
    assert returned(0.01, 0.2) > 0.56  # above the threshold 0.1275


def test_dicke_battery_moves_away_from_the_speed_limit():
    ratios = []
    for atoms in (1, 2, 4, 8, 16):
        dicke = DualCavityBattery(
            atoms_a=atoms,
            atoms_b=0,
            exchange=0.0,
            repulsion=0.0,
            coupling=0.02,
            cutoff_a=2 * atoms + 12,
        )
        times = np.linspace(0, 2.2 * np.pi / (0.02 * np.sqrt(atoms)), 801)
        time = dicke.charge(times, leak=1e-4).max_energy.time
        spread = np.sqrt(qutip.variance(dicke.hamiltonian(), dicke.initial_state()))
        ratios.append(time / (np.pi / 2 / spread))
    assert min(np.diff(ratios)) > 0.5
    assert ratios[0] == pytest.approx(np.sqrt(3), abs=0.01)
    assert ratios[-1] == pytest.approx(7.72, abs=0.02)


def test_most_of_the_energy_of_ten_atoms_is_work_for_a_unitary_on_all_of_them():
    sizes = {"atoms_a": 5, "atoms_b": 5, "cutoff_a": 26, "cutoff_b": 26}
    cavities = DualCavityBattery(**sizes, repulsion=0.5, exchange=0.5)
    curve = cavities.charge(np.linspace(0, 10, 101), leak=1e-2)
    for work, share in ((curve.ergotropy, 0.78), (curve.collective_ergotropy, 0.35)):
        assert work.mean() / curve.energy.mean() == pytest.approx(share, abs=0.006)


def hours(text: str) -> float:
    """A time such as 1 ½ h."""
    parts = {"¼": 0.25, "½": 0.5, "¾": 0.75}
    return sum(parts.get(part) or float(part) for part in text.split()[:-1])


def test_room_gives_most_of_the_hidden_work_and_lower_levels_the_rest():
    battery = DualCavityBattery(atoms_a=5, atoms_b=5, cutoff_a=26, cutoff_b=26)
    run = battery.charge(np.linspace(0, 10, 51), leak=1e-2, states=True)
    falling = np.linalg.eigvalsh(run.states)[:, ::-1]
    means = []
    for lower in (1, 0):  # with the energy of each total spin, and as if it had none
        levels: list[float] = []
        for lost, copies in enumerate((1, 4, 5)):
            k = np.arange(lost, 6 - lost)
            pairs = k * (5 - k) - lower * lost * (6 - lost)
            levels += [*(k + battery.repulsion * pairs / 5)] * copies
        lowest = np.sort(np.add.outer(levels, levels).ravel())[: falling.shape[1]]
        means.append((run.energy - falling @ lowest).mean() / run.energy.mean())
    assert means[0] == pytest.approx(run.ergotropy.mean() / run.energy.mean())
    assert means == pytest.approx([0.78, 0.68], abs=0.006)


def test_times_in_the_syllabus_follow_from_the_chapters():
    syllabus = (BOOK / "course" / "syllabus.md").read_text(encoding="utf-8")
    row = r"<\.\./([\w/-]+)>` \| ([^|]* h) \| ([^|]* h) \|"
    found = re.findall(row, syllabus)
    with_tasks = [
        str(path.relative_to(BOOK).with_suffix(""))
        for path in all_notebooks()
        if "## Exercises\\n" in path.read_text(encoding="utf-8")
    ]
    assert sorted(name for name, *_ in found) == with_tasks
    for name, working, exercises in found:
        path = BOOK / f"{name}.ipynb"
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        prose = [c["source"] for c in cells if c["cell_type"] == "markdown"]
        text, tasks = "\n".join(map("".join, prose)).split("\n## Exercises")
        words = len(re.sub(r"<details>.*?</details>", "", text, flags=re.S).split())
        # To the nearest quarter of an hour, and a chapter may grow a little.
        assert hours(working) == pytest.approx(words / 3600, abs=0.25), name
        kinds = re.findall(r"^\*\*\d\.(?:\*\*)? ?\(?(Project)?", tasks, flags=re.M)
        minutes = sum(120 if kind else 20 for kind in kinds)
        assert hours(exercises) == pytest.approx(minutes / 60, abs=0.25), name


def test_tests_give_a_little_more_than_half_of_the_points():
    shares = []
    homework = BOOK.parent / "homework"
    for path in sorted(homework.glob("0*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(cell["source"]) for cell in cells]
        questions = [text for text in texts if "BEGIN QUESTION" in text]
        points = [float(re.search(r"points: ([\d.]+)", q)[1]) for q in questions]
        written = ["manual: true" in q for q in questions]
        shares.append(np.dot(points, np.logical_not(written)) / sum(points))
    assert len(shares) == 8
    assert round(min(shares), 2) == 0.50
    assert round(max(shares), 2) == 0.62
    assert 0.5 < np.mean(shares) < 0.6


def test_losses_of_the_reservoir_buy_range_where_no_mode_is_dark_to_them():
    half = 0.5**0.5
    street = NonreciprocalBattery(
        charger_loss=0.1,
        battery_loss=0.1,
        charger_share=half,
        battery_share=half,
        coupling=0.25j,
        linear_drive=0.0,
    )
    alone = {"shared_loss": 0.0, "coupling": 0.25}
    assert street.threshold == pytest.approx(0.15)
    separate = replace(street, **alone, charger_loss=0.6, battery_loss=0.6)
    assert separate.threshold > replace(street, coupling=0.25).threshold > 0.15
    # (Lambda^2 - g^2)/4 Lambda with Lambda = 0.6 and g = 1/2
    dark = replace(street, coupling=0.0).threshold
    assert dark == pytest.approx(0.11 / 2.4)
    assert dark < replace(street, **alone).threshold
    for strength in (0.05, 0.25, 1.0, 20.0):
        direct = replace(street, shared_loss=0.0, coupling=strength)
        assert direct.threshold <= 0.05 + 1e-9
