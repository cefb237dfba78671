"""The linter of the workflows sees all of them, wherever the book lies."""

import shutil
from pathlib import Path

import lint_workflows
import pytest

NPM = lint_workflows.ROOT / ".venv" / "npm"


@pytest.fixture
def workflows(tmp_path, monkeypatch) -> Path:
    """Copies of the workflows, under a path as long as some home folders have."""
    root = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5)
    folder = root / ".github" / "workflows"
    shutil.copytree(lint_workflows.ROOT / ".github" / "workflows", folder)
    monkeypatch.setattr(lint_workflows, "ROOT", root)
    monkeypatch.setattr(lint_workflows, "WORKFLOWS", sorted(folder.glob("*.yml")))
    return folder


def test_sound_workflows_pass_under_a_long_path(workflows):
    assert lint_workflows.is_valid(NPM)


def test_a_mistake_in_one_workflow_is_named(workflows, capfd):
    wrong = workflows / "links.yml"
    wrong.write_text(wrong.read_text().replace("ubuntu-latest", "ubuntu-lates"))
    assert not lint_workflows.is_valid(NPM)
    said = capfd.readouterr().err
    assert said.startswith(".github/workflows/links.yml:12:14: ")
    assert 'label "ubuntu-lates" is unknown' in said


def test_shell_that_shellcheck_refuses_fails(workflows):
    wrong = workflows / "refine.yml"
    wrong.write_text(wrong.read_text().replace("make refine", "make $TARGET"))
    assert lint_workflows.shell_is_sound(workflows / "mutants.yml")
    assert not lint_workflows.shell_is_sound(wrong)
