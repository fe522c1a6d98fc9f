"""Where the server's socket goes: a socket's path has a limit of about 100 bytes."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.embedded.service_user import ServiceUser

SOCKET = ".s.PGSQL.5432"
PATH_BYTES_MAX = 100
# other characters would have to be quoted for the shell and for PostgreSQL's list of folders
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)


def socket_folder(folder: Path, user: ServiceUser, name: str = SOCKET) -> Path:
    """A folder that only `user` can enter: `folder` itself, or one below /tmp if that is too deep.

    `name` is that of the socket, by default PostgreSQL's. The server trusts whoever reaches its
    socket, so the folder must be nobody else's. Raises InputRefused where somebody else has put a
    file or folder in its place.
    """
    chosen = folder if _fits(folder / name) else _short(folder, user)
    socket = chosen / name
    if os.path.lexists(socket) and not stat.S_ISSOCK(socket.lstat().st_mode):
        raise _taken(socket)
    return chosen


def _fits(socket: Path) -> bool:
    is_plain = _PLAIN.fullmatch(str(socket)) is not None
    return is_plain and len(os.fsencode(socket)) <= PATH_BYTES_MAX


def _short(folder: Path, user: ServiceUser) -> Path:
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path("/tmp", f"hedgerow-{user.uid}-{digest}")
    try:
        short.mkdir(mode=0o700)
        os.chown(short, user.uid, user.gid)
    except FileExistsError:
        found = short.lstat()
        private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
        if not private or found.st_uid != user.uid:
            raise _taken(short) from None
    return short


def _taken(path: Path) -> InputRefused:
    return InputRefused(
        what="the place of a server's socket is taken by something else",
        where=str(path),
        fix=f"move {path} away, or set HEDGEROW_DATA_DIR to another folder",
    )
