"""The parts of the report page: series, charts, tables, style sheet and script."""
