"""Runs that commands are about: stored ones by their ids, exported ones by their folders."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.usecases.choose_run import find_run, latest_run
from hedgerow.usecases.paper_run import PaperDesk, report_facts
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.report_facts import RunFacts
from hedgerow.usecases.verify_books import AuditReport, verify_fund


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run and its record. `key` is its id or its folder, `name` what people call it by.

    Its page belongs at `page`. `audit` is what an audit of its books found; None for an exported
    run, which has left them behind.
    """

    key: str
    name: str
    facts: RunFacts
    page: Path
    audit: AuditReport | None


class RunShelf:
    """Finds runs; the stores are opened once, and only where a stored run is asked for."""

    def __init__(self, backstage: Backstage, stack: AsyncExitStack) -> None:
        self._backstage = backstage
        self._stack = stack
        self._desk: PaperDesk | None = None

    async def latest(self, asked_by: str) -> ShownRun:
        """The stored run that was started last; raises InputRefused where there is none."""
        desk = await self._open()
        async with desk.open_unit_of_work(SYSTEM) as unit:
            run = await latest_run(unit, asked_by)
        return await self._stored(desk, run)

    async def find(self, name: str, option: str) -> ShownRun:
        """The run of this folder, or of an id like this; raises InputRefused."""
        if not name.strip():
            fix = "give an id, or a folder that `--export` has written"
            raise InputRefused("no run is named", option, fix)
        folder = _folder(name)
        if folder is not None:
            return self._exported(folder)
        desk = await self._open()
        async with desk.open_unit_of_work(SYSTEM) as unit:
            run = await find_run(unit, name, option)
        return await self._stored(desk, run)

    async def _open(self) -> PaperDesk:
        if self._desk is None:
            self._desk = await self._stack.enter_async_context(self._backstage.shared_desk())
        return self._desk

    async def _stored(self, desk: PaperDesk, run: PaperRun) -> ShownRun:
        return ShownRun(
            key=str(run.id),
            name=f"Run …{str(run.id)[-8:]}",
            facts=await report_facts(desk, run),
            page=page_of(self._backstage, run),
            audit=await audit_of(desk, run),
        )

    def _exported(self, folder: Path) -> ShownRun:
        return ShownRun(
            key=str(folder),
            name=folder.name,
            facts=self._backstage.read_run(folder),
            page=folder / "report.html",
            audit=None,
        )


@asynccontextmanager
async def run_shelf(backstage: Backstage) -> AsyncIterator[RunShelf]:
    """Where runs are found; what was opened for it is closed again."""
    async with AsyncExitStack() as stack:
        yield RunShelf(backstage, stack)


def _folder(name: str) -> Path | None:
    """The folder of this name, whole; None where there is none."""
    path = Path(name)
    return path.resolve() if path.is_dir() else None


def page_of(backstage: Backstage, run: PaperRun) -> Path:
    """Where the page of a stored run lies."""
    return backstage.report_folder() / f"{run.id}.html"


async def audit_of(desk: PaperDesk, run: PaperRun) -> AuditReport:
    """What an audit of a stored run's books finds."""
    audit = AuditReport()
    async with desk.open_unit_of_work(run.user_id) as unit:
        await verify_fund(unit, run.user_id, audit)
    return audit
