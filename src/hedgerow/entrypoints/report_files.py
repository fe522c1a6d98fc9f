"""A report as files: its tables, every figure, and the record that it can be made of again."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import write_json
from hedgerow.usecases.export_report import export_tables
from hedgerow.usecases.report import Report
from hedgerow.usecases.report_document import report_document


def write_files(backstage: Backstage, folder: Path, report: Report) -> None:
    """Write the report to `folder`; raises InputRefused where it cannot be written."""
    backstage.write_tables(folder, export_tables(report))
    write_json(folder / "report.json", report_document(report))
    backstage.write_run(folder, report.facts)


def say_files(console: Console, folder: Path) -> None:
    """Say where they are."""
    console.print(f"The report as files: {folder}", highlight=False, soft_wrap=True)
