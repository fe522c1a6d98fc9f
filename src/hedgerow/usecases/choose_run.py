"""Choose a run among those there are."""

from __future__ import annotations

from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import UnitOfWork


async def latest_run(unit: UnitOfWork, asked_by: str) -> PaperRun:
    """The run started last; raises InputRefused, in the name of a command, where there is none."""
    run = await unit.runs.latest()
    if run is None:
        raise InputRefused(
            what="there is no run to report on yet", where=asked_by, fix="run `hedgerow demo` first"
        )
    return run


async def find_run(unit: UnitOfWork, part: str, asked_by: str) -> PaperRun:
    """The run whose id begins or ends with `part`; raises InputRefused unless there is just one."""
    wanted = part.strip().lower().lstrip("…")
    runs = [
        run
        for run in await unit.runs.all()
        if wanted and (str(run.id).startswith(wanted) or str(run.id).endswith(wanted))
    ]
    if len(runs) != 1:
        raise InputRefused(
            what=f"{'several runs have' if runs else 'no run has'} an id like {part!r}",
            where=asked_by,
            fix="give an id, its beginning or its end, as `hedgerow report --list` shows them",
        )
    return runs[0]
