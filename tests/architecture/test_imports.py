"""The direction of imports, as the house promises it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import hedgerow.domain

DOMAIN = Path(hedgerow.domain.__file__).parent


def test_the_contracts_of_the_house_are_kept() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_domain_imports_nothing_but_itself_and_the_standard_library() -> None:
    for file in DOMAIN.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                own = name.startswith("hedgerow.domain")
                assert own or name.partition(".")[0] in sys.stdlib_module_names, (file.name, name)
