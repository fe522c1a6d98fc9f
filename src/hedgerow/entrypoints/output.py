"""JSON for people's programs, whole on standard output or in a file; complaints beside it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from hedgerow.domain.errors import InputRefused


def print_json(document: Any) -> None:
    """Print a JSON document to standard output."""
    print(_text(document))  # noqa: T201


def complain(line: str) -> None:
    """Print one line to standard error."""
    print(f"hedgerow: {line}", file=sys.stderr)  # noqa: T201


def require_writable(path: Path) -> None:
    """Raise InputRefused where a file cannot be written, before any work is done."""
    if path.is_dir():
        raise InputRefused("is a folder", str(path), "name a file")
    if not path.absolute().parent.is_dir():
        raise InputRefused("its folder does not exist", str(path), "create the folder first")
    partial = _partial(path)
    try:
        partial.touch()
        partial.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def require_folder(path: Path) -> None:
    """Raise InputRefused where a folder neither is nor can be made, before any work is done."""
    if path.exists() and not path.is_dir():
        raise InputRefused("is a file", str(path), "name a folder")
    if not path.absolute().parent.is_dir():
        raise InputRefused("its folder does not exist", str(path), "create the folder first")


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document; the file is either the old one or the whole new one."""
    write_text(path, _text(document) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text; the file is either the old one or the whole new one."""
    partial = _partial(path)
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def _unwritable(path: Path, error: OSError) -> InputRefused:
    problem = f"cannot be written: {error.strerror}"
    return InputRefused(problem, str(path), "name a file in a folder that you may write to")


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
