"""The operating system user that PostgreSQL runs as when Hedgerow is run by root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hedgerow.domain.errors import InputRefused

NAME = "pgserver"


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """Whom the server and its tools run as, and who owns their files."""

    uid: int
    gid: int

    def run(
        self,
        command: Sequence[str | Path],
        folder: Path,
        *,
        text: str | None = None,
        inherited: Sequence[int] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` in `folder`, feeding it `text`, and return what it said, failed or not.

        It inherits the file descriptors `inherited`. Raises OSError where the user may not enter
        the folder or execute the file.
        """
        as_root = os.geteuid() == 0
        return subprocess.run(
            command,
            cwd=folder,
            # nothing of the caller's PGPORT, PGOPTIONS or language may reach the server
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            input=text or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            pass_fds=inherited,
            # Ctrl-C is for Hedgerow, which lets its tools finish
            start_new_session=True,
            user=self.uid if as_root else None,
            group=self.gid if as_root else None,
            extra_groups=() if as_root else None,
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether the user can reach `folder` by its absolute path."""
        probe = self.run(["/bin/sh", "-c", 'cd "$0"', folder], Path("/"))
        return probe.returncode == 0

    def can_execute(self, program: Path) -> bool:
        """Whether the user can reach `program` and run it with `--version`."""
        try:
            return self.run([program, "--version"], Path("/")).returncode == 0
        except OSError:
            return False


def service_user() -> ServiceUser:
    """The present user, or for root, whom PostgreSQL refuses, the user pgserver, made if absent."""
    if os.geteuid() != 0:
        return ServiceUser(uid=os.geteuid(), gid=os.getegid())
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        _create()
        entry = pwd.getpwnam(NAME)
    return ServiceUser(uid=entry.pw_uid, gid=entry.pw_gid)


def _create() -> None:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", NAME]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
        raise InputRefused(
            what=f"PostgreSQL does not run as root, and its user cannot be created: {said}",
            where=f"operating system user {NAME}",
            fix=f"run Hedgerow as another user than root, or create the user {NAME}",
        ) from error
