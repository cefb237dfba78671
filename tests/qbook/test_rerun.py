"""A verdict is computed again by a command, from the chapter's own code."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from qbook import claims
from qbook.rerun import rerun, source
from qbook.tex import plain

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
LEDGER = claims.load(BOOK / "claims.yml")


WORDS = {
    **dict.fromkeys(("where", "claim", "parameters", "reason"), "words"),
    "paper": "me2026",
    "computed": {"energy": {"value": 2.0, "tolerance": 0.1}},
    "tolerance_because": "words",
    "decided_by": "printed parameters",
    "verdict": "holds",
    "chapter": "notes/mine",
}


def run(*arguments, folder=ROOT, **environment):
    """Run the command, from the sources in this folder."""
    return subprocess.run(
        [sys.executable, "-m", "qbook", *map(str, arguments)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_verdict_says_claim_numbers_reason_and_agreement():
    done = run("verdict", "zhang-n3")
    claim = next(c for c in LEDGER if c.id == "zhang-n3")
    assert done.returncode == 0, done.stderr
    for said in (claim.claim, claim.reason, claim.tolerance_because, claim.decision):
        assert plain(said) in done.stdout
    for name, number in claim.computed.items():
        assert f"({name}): today {number.value:.3f}"[:-1] in done.stdout
        assert f"ledger {number}" in done.stdout
    assert "\n  agrees (" in done.stdout


def test_the_computation_is_the_chapters_and_not_all_of_it():
    chosen = next(c for c in LEDGER if c.id == "guo-half")
    text = source(chosen, BOOK)
    assert "RosenZenerBattery" in text
    assert "savefig" not in text
    assert len(text.splitlines()) < 60


def test_an_unknown_name_ends_with_2_and_the_names_that_are_close():
    done = run("verdict", "zhang-n4")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no id 'zhang-n4'" in done.stderr
    assert "zhang-n3" in done.stderr
    done = run("verdicts", "guo")
    assert done.returncode == 2
    assert "guo2024" in done.stderr
    assert run("verdicts").returncode == 2


def test_json_holds_every_number_beside_the_ledgers():
    done = run("verdict", "xu-threshold", "--json")
    (found,) = json.loads(done.stdout)
    claim = next(c for c in LEDGER if c.id == "xu-threshold")
    assert found["agrees"] is True
    assert set(found["numbers"]) == set(claim.computed)
    for name, number in claim.computed.items():
        assert found["numbers"][name]["ledger"] == number.value
        apart = abs(found["numbers"][name]["computed"] - number.value)
        assert apart <= number.tolerance


def test_a_factor_of_two_in_the_core_is_found(tmp_path):
    for package in ("qbcore", "qbook"):
        shutil.copytree(ROOT / package, tmp_path / package)
    core = tmp_path / "qbcore" / "star" / "formulas.py"
    text = core.read_text(encoding="utf-8")
    assert "def fermi" in text
    core.write_text(
        text + "\n\n_fermi = fermi\n\n\ndef fermi(*a, **k):\n"
        "    return 2 * _fermi(*a, **k)\n",
        encoding="utf-8",
    )
    done = run(
        "verdict", "kamin-full", "--ledger", BOOK / "claims.yml", folder=tmp_path
    )
    assert done.returncode == 1
    assert "DISAGREES" in done.stdout


@pytest.fixture
def own(tmp_path):
    """A reader's ledger of two claims, and the notebook that checks them."""

    def write(code):
        entries = [WORDS | {"id": name} for name in ("mine", "other")]
        (tmp_path / "claims.yml").write_text(yaml.safe_dump(entries))
        cells = [nbformat.v4.new_code_cell(cell) for cell in code]
        (tmp_path / "notes").mkdir(exist_ok=True)
        notebook = nbformat.v4.new_notebook(cells=cells)
        nbformat.write(notebook, tmp_path / "notes" / "mine.ipynb")
        return tmp_path / "claims.yml"

    return write


CHECKS = ["from qbook import claims", 'claims.check("mine", 2.0)']


def test_a_ledger_of_ones_own(own):
    ledger = own([*CHECKS, 'claims.check("other", energy=2.05)'])
    done = run("verdicts", "me2026", "--ledger", ledger)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 agree with the ledger." in done.stdout


def test_one_that_disagrees_is_told_whole_and_the_others_are_still_run(own):
    ledger = own([*CHECKS, 'claims.check("other", energy=3.0)'])
    done = run("verdicts", "--all", "--ledger", ledger)
    assert done.returncode == 1
    assert "(energy): today 3, ledger 2 ± 0.1" in done.stdout
    assert "DISAGREES" in done.stdout
    assert "1 of 2 agree with the ledger." in done.stdout


def test_a_cell_that_raises_is_a_disagreement_with_its_error(own):
    ledger = own([*CHECKS, 'energy = 1 / 0\nclaims.check("other", energy)'])
    done = run("verdict", "other", "--ledger", ledger)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    assert "(energy): today not computed" in done.stdout


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys\nx = sys.exit(0)\nclaims.check('mine', x)", "SystemExit: 0"),
        ("if False:\n    claims.check('mine', 2.0)", "did not come to the check"),
        ("def f():\n    claims.check('mine', 2.0)", "did not come to the check"),
        (
            "try:\n    claims.check('mine', 3.0)\nexcept AssertionError:\n    pass",
            "computed here is 3",
        ),
        ("claims.check('mine', float('$1$'))", "to float: '$1$'"),
    ],
)
def test_only_a_check_that_was_reached_and_passed_agrees(own, code, said):
    ledger = own([CHECKS[0], code])
    mine = claims.load(ledger)[0]
    found = rerun(mine, ledger.parent)
    assert not found.agrees
    assert said in str(found)


def test_json_has_no_word_for_what_is_not_finite(own):
    ledger = own([CHECKS[0], "claims.check('mine', float('nan'))"])
    found = rerun(claims.load(ledger)[0], ledger.parent).as_dict()
    assert found["numbers"]["energy"]["computed"] is None
    assert found["agrees"] is False


def test_a_claim_that_no_cell_checks_does_not_stop_the_others(own):
    done = run("verdicts", "--all", "--ledger", own(CHECKS))
    assert done.returncode == 1
    assert "LookupError: 0 statements of the chapter check other" in done.stdout
    assert "1 of 2 agree with the ledger." in done.stdout


def test_a_chapter_that_is_missing_is_a_disagreement(own):
    ledger = own(CHECKS)
    (ledger.parent / "notes" / "mine.ipynb").unlink()
    done = run("verdict", "mine", "--ledger", ledger)
    assert done.returncode == 1
    assert "FileNotFoundError" in done.stdout


@pytest.mark.parametrize("text", [None, "- id: x\n"])
def test_a_ledger_that_cannot_be_read_ends_with_2_and_one_line(tmp_path, text):
    path = tmp_path / "claims.yml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    done = run("verdict", "x", "--ledger", path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "claims.yml" in done.stderr


def test_check_takes_the_ledger_of_its_caller(own, tmp_path):
    ledger = own(CHECKS)
    assert claims.check("mine", 2.0, ledger=ledger).id == "mine"
    assert claims.check("mine", 2.0, ledger=str(ledger)).id == "mine"
    with pytest.raises(claims.ClaimError):
        claims.check("mine", 3.0, ledger=ledger)
    with pytest.raises(FileNotFoundError):
        claims.check("mine", 2.0, ledger=tmp_path / "none.yml")


@pytest.mark.parametrize("claim", LEDGER, ids=lambda claim: claim.id)
def test_every_claim_can_be_cut_out_of_its_chapter(claim):
    text = source(claim, BOOK)
    assert f"check('{claim.id}'" in text
    compile(text, claim.id, "exec")


def test_a_whole_paper_is_computed_again():
    done = run("verdicts", "kamin2024")
    assert done.returncode == 0, done.stdout
    count = len(LEDGER.of("kamin2024"))
    assert f"{count} of {count} agree with the ledger." in done.stdout
