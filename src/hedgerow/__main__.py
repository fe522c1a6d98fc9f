"""The command `hedgerow`."""

from __future__ import annotations

from hedgerow.bootstrap import Backstage
from hedgerow.entrypoints.cli import run


def main() -> None:
    """Run the command line of this process."""
    run(Backstage())


if __name__ == "__main__":
    main()
