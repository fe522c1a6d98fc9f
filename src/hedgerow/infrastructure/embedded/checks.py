"""Whether the data folder and the embedded services can be used; nothing is made or started."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.embedded.data_folder import (
    ELSEWHERE,
    FREE_BYTES_MIN,
    MEGABYTE,
    Places,
)
from hedgerow.infrastructure.embedded.locks import is_held
from hedgerow.infrastructure.embedded.postgres_programs import PROGRAMS, site_packages
from hedgerow.infrastructure.embedded.redis_program import redis_program
from hedgerow.infrastructure.embedded.service_user import ServiceUser
from hedgerow.usecases.checks import Finding, failed, ok, warning

FOLDER: Final = "data folder"
_FREE_BYTES_WANTED: Final = 4 * FREE_BYTES_MIN
_NOT_YET: Final = "not created yet; the first `hedgerow demo` makes it"


def look_at_folder(places: Places) -> Sequence[Finding]:
    """Whether the data folder is there or can be made, is private, and has room."""
    require_access(places)
    return [_privacy(places.path), _room(nearest_existing(places.path))]


def require_access(places: Places) -> None:
    """Raise InputRefused where the present user can neither use nor make the data folder."""
    existing = nearest_existing(places.path)
    if not existing.is_dir():
        raise InputRefused("is a file, and no folder", str(existing), ELSEWHERE)
    if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
        raise InputRefused("is not writable for you", str(existing), ELSEWHERE)


def postgres_exists(places: Places) -> bool:
    """Whether the embedded PostgreSQL has been made; raises InputRefused where it cannot be."""
    require_access(places)
    programs = site_packages() / PROGRAMS
    if not (programs / "postgres").is_file():
        raise InputRefused(
            what="the embedded PostgreSQL is not installed for this kind of machine",
            where=str(programs),
            fix="set HEDGEROW_POSTGRES_URL to a server of your own",
        )
    _require_open_way(places.postgres)
    return (places.postgres / "data").exists()


def postgres_to_come() -> Sequence[Finding]:
    """What there is to say of an embedded PostgreSQL that has not been made."""
    return [ok("postgresql", f"embedded, {_NOT_YET}")]


def redis_is_running(places: Places) -> bool:
    """Whether a process has the embedded Redis running."""
    require_access(places)
    lock = places.redis / "server.lock"
    return lock.exists() and is_held(lock)


def look_at_redis_program() -> Sequence[Finding]:
    """The version of the embedded Redis; raises InputRefused where there is none."""
    program = redis_program()
    said = ServiceUser(os.geteuid(), os.getegid()).run([program, "--version"], Path("/")).stdout
    version = re.search(r"v=([\d.]+)", said)
    if version is None:
        return [
            failed(
                "redis",
                f"the embedded server {program} does not run",
                "install the package anew, or set HEDGEROW_REDIS_URL to a server of your own",
            )
        ]
    return [ok("redis", f"embedded, version {version[1]}; started when it is needed")]


def nearest_existing(path: Path) -> Path:
    """The path itself, or the folder above it that exists and can be seen."""
    return next(each for each in (path, *path.parents) if os.path.exists(each))


def _privacy(path: Path) -> Finding:
    if not path.exists():
        return ok(FOLDER, f"{path} is {_NOT_YET}")
    # as root others pass through, because PostgreSQL runs as a user of its own
    allowed = 0o711 if os.geteuid() == 0 else 0o700
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~allowed:
        found = f"{path} is open to others (mode {mode:04o})"
        return warning(FOLDER, found, f"chmod {allowed:o} {path}")
    return ok(FOLDER, f"{path} is yours alone")


def _room(existing: Path) -> Finding:
    free_bytes = shutil.disk_usage(existing).free
    found = f"{free_bytes // MEGABYTE:,} MB are free on the disk of {existing}"
    fix = "free some disk space, or set HEDGEROW_DATA_DIR to a folder on a larger disk"
    if free_bytes < FREE_BYTES_MIN:
        return failed("disk", f"{found}, a run needs {FREE_BYTES_MIN // MEGABYTE:,}", fix)
    if free_bytes < _FREE_BYTES_WANTED:
        return warning("disk", f"{found}, which some long runs fill", fix)
    return ok("disk", found)


def _require_open_way(folder: Path) -> None:
    """Raise InputRefused where PostgreSQL, which root has run as another user, cannot get there."""
    if os.geteuid() != 0:
        return
    for each in folder.parents:
        if each.exists() and not each.stat().st_mode & stat.S_IXOTH:
            raise InputRefused(
                what="PostgreSQL does not run as root, and its user pgserver cannot pass here",
                where=str(each),
                fix="set HEDGEROW_DATA_DIR to a folder outside of homes, such as /var/lib/hedgerow",
            )
