"""The entity-relationship diagram, as SVG, laid out in layers by what refers to what.

Nearly every table has a user. Those arrows would hide all others: such tables bear a mark instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from sqlalchemy import MetaData, Table

_WIDTH: Final = 230
_GAP_X: Final = 110
_GAP_Y: Final = 26
_ROW: Final = 17
_TITLE: Final = 26
_MARGIN: Final = 30
_HEAD: Final = 64
_COLOURS: Final = ("#2f6f4e", "#7a4b1d", "#2b5c8a", "#8a2b57", "#5b4a9e", "#3f6b6b")
_STYLE: Final = """
    text { font: 12px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
    .page { fill: #fbfaf7; } .box { fill: #ffffff; stroke: #c9c4b8; }
    .title { fill: #ffffff; font-weight: 600; font-size: 13px; }
    .column { fill: #33312c; } .more { fill: #8a857a; font-style: italic; }
    .head { fill: #22211e; font-size: 20px; font-weight: 600; } .note { fill: #6b675e; }
    .edge { fill: none; stroke-width: 1.4; opacity: .75; }
"""


@dataclass(slots=True)
class _Box:
    """A table on the page: its links by column, and where it stands."""

    table: Table
    links: dict[str, str]
    layer: int
    x: float = 0
    y: float = 0

    @property
    def rows(self) -> list[str]:
        """The columns that are shown: keys first, the others are counted."""
        keys = [c.name for c in self.table.columns if c.primary_key and c.name not in self.links]
        return [*keys, *self.links]

    @property
    def others(self) -> int:
        """How many columns are not shown."""
        hidden = set(self.table.columns.keys()) - set(self.rows) - {"user_id"}
        return len(hidden)

    @property
    def height(self) -> float:
        """In pixels."""
        return _TITLE + _ROW * (len(self.rows) + 1) + 8

    @property
    def has_user(self) -> bool:
        """Whether each row belongs to a user."""
        return "user_id" in self.table.columns

    @property
    def colour(self) -> str:
        """One for each layer, so that an arrow tells where it comes from."""
        return _COLOURS[self.layer % len(_COLOURS)]

    def row_y(self, column: str) -> float:
        """The middle of a column's line."""
        return self.y + _TITLE + _ROW * (self.rows.index(column) + 0.5) + 4


def diagram(metadata: MetaData) -> str:
    """The whole picture."""
    boxes = _boxes(metadata)
    width, height = _place(boxes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="Tables of Hedgerow">',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>',
        f'<text class="head" x="{_MARGIN}" y="36">Tables of Hedgerow</text>',
        f'<text class="note" x="{_MARGIN}" y="56">◆ belongs to a user (an arrow to users is left '
        "out). Arrows lead from a foreign key to its table. All columns: schema.md</text>",
        *(line for box in boxes.values() for line in _edges(box, boxes)),
        *(line for box in boxes.values() for line in _drawn(box)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _boxes(metadata: MetaData) -> dict[str, _Box]:
    links = {table.name: _links(table) for table in metadata.tables.values()}
    layers: dict[str, int] = {}
    for table in metadata.sorted_tables:
        above = [layers[name] for name in links[table.name].values() if name in layers]
        layers[table.name] = max(above, default=-1) + 1
    return {
        table.name: _Box(table, links[table.name], layers[table.name])
        for table in metadata.sorted_tables
    }


def _links(table: Table) -> dict[str, str]:
    """The tables that columns refer to, but for the user."""
    found = {}
    for column in table.columns:
        for key in column.foreign_keys:
            if column.name != "user_id":
                found[column.name] = key.column.table.name
    return found


def _place(boxes: Mapping[str, _Box]) -> tuple[float, float]:
    """Set every box in its place; returns the size of the page."""
    referred = {name for box in boxes.values() for name in box.links.values()}
    joined: defaultdict[int, list[_Box]] = defaultdict(list)
    alone: defaultdict[int, list[_Box]] = defaultdict(list)
    for name, box in boxes.items():
        if box.links or name in referred:
            joined[box.layer].append(box)
    columns = len(joined)
    for box in boxes.values():
        if box not in joined[box.layer]:
            alone[sum(map(len, alone.values())) % columns].append(box)
    bottom = _MARGIN + _HEAD + 0.0
    for group in (joined, alone):
        top = bottom
        for number, column in group.items():
            lowest = _stack(_ordered(column, boxes), _MARGIN + number * (_WIDTH + _GAP_X), top)
            bottom = max(bottom, lowest)
    return 2 * _MARGIN + columns * (_WIDTH + _GAP_X) - _GAP_X, bottom


def _stack(column: Sequence[_Box], x: float, top: float) -> float:
    """Set boxes below one another; returns where the next one would begin."""
    for box in column:
        box.x, box.y = x, top
        top += box.height + _GAP_Y
    return top


def _ordered(column: Sequence[_Box], boxes: Mapping[str, _Box]) -> list[_Box]:
    """The tables of a layer, those that refer to the same ones next to each other."""

    def average(box: _Box) -> tuple[float, str]:
        rows = [list(boxes).index(name) for name in box.links.values()]
        return (sum(rows) / len(rows) if rows else 0.0, box.table.name)

    return sorted(column, key=average)


def _edges(box: _Box, boxes: Mapping[str, _Box]) -> Iterator[str]:
    for column, name in box.links.items():
        target = boxes[name]
        y, end_y = box.row_y(column), target.y + _TITLE / 2
        end_x = target.x + _WIDTH
        if target.x == box.x:  # itself, or a neighbour in its column: around the right side
            x, bend = end_x, -55.0
        else:
            x, bend = box.x, max(50.0, (box.x - end_x) * 0.45)
        path = (
            f"M{x} {y:.0f} C{x - bend:.0f} {y:.0f} {end_x + abs(bend):.0f} {end_y:.0f} "
            f"{end_x + 7} {end_y:.0f}"
        )
        tip = f"M{end_x + 7} {end_y - 4:.0f} l-7 4 l7 4 Z"
        yield f'<path class="edge" stroke="{target.colour}" d="{path}"/>'
        yield f'<path fill="{target.colour}" d="{tip}"/>'


def _drawn(box: _Box) -> Iterator[str]:
    x, y = box.x, box.y
    yield f"<g><title>{escape(box.table.name)}: {escape(str(box.table.comment))}</title>"
    yield f'<rect class="box" x="{x}" y="{y}" width="{_WIDTH}" height="{box.height}" rx="6"/>'
    yield f'<rect fill="{box.colour}" x="{x}" y="{y}" width="{_WIDTH}" height="{_TITLE}" rx="6"/>'
    mark = "◆ " if box.has_user else ""
    yield f'<text class="title" x="{x + 10}" y="{y + 18}">{mark}{escape(box.table.name)}</text>'
    for column in box.rows:
        key = " (key)" if box.table.columns[column].primary_key else ""
        yield (
            f'<text class="column" x="{x + 10}" y="{box.row_y(column) + 4}">'
            f"{escape(column)}{key}</text>"
        )
    last = y + _TITLE + _ROW * (len(box.rows) + 0.5) + 8
    yield f'<text class="more" x="{x + 10}" y="{last}">and {box.others} more</text></g>'
