"""The statement that finds memories: four narrow searches, then one look at what they found.

A user's own memories are compared one by one, shared ones through an approximate index and a
full-text index. Both searches give candidates; the domain ranks them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pgvector.sqlalchemy import HALFVEC, Vector
from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import REGCONFIG, TSQUERY
from sqlalchemy.types import UserDefinedType

from hedgerow.domain.journal import JOURNAL_REGIMES
from hedgerow.domain.memory import EMBEDDING_DIMENSIONS, MemoryScope
from hedgerow.domain.memory_ranking import candidates
from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.rows import Row
from hedgerow.usecases.ports.desk import RecallQuery

TABLE: Final = tables.memories
_VALIDATIONS: Final = tables.memory_validations
# What makes up a memory; the vector and the words are of no use outside of the database.
COLUMNS: Final = [c for c in TABLE.columns if c.name not in {"embedding", "content_words"}]

# How wide the approximate index looks before it filters, and how many rows it may visit when the
# filter leaves too few; benchmarks/memory.py measures what recall and time these give.
_EF_SEARCH: Final = 40
_SCAN_TUPLES_MAX: Final = 20_000
# A literal, which is read once; a cast of a text would be read again for every row.
_ENGLISH: Final = literal_column("'english'::regconfig", REGCONFIG)

# Up to so many shared memories that fit the filter are compared one by one: it is exact, and for
# few of many faster than an index that filters only what it has found.
_EXACT_MAX: Final = 1_000


def prepare_statement(query: RecallQuery) -> Select[Any]:
    """Tune the index for the rest of the transaction; how many memories fit, up to one too many.

    The order that a relaxed scan does not keep is restored by the exact distances. Sorting is
    discouraged because the planner thinks a distance as cheap as an addition, and would rather
    compute tens of thousands than use the index; where only sorting will do, it still sorts.
    """
    fitting = select(TABLE.c.id).where(*_shared(query)).limit(_EXACT_MAX + 1)
    return select(
        select(func.count()).select_from(fitting.subquery()).scalar_subquery().label("fitting"),
        func.set_config("hnsw.iterative_scan", "relaxed_order", True),
        func.set_config("hnsw.ef_search", str(_EF_SEARCH), True),
        func.set_config("hnsw.max_scan_tuples", str(_SCAN_TUPLES_MAX), True),
        func.set_config("enable_sort", "off", True),
    )


def may_be_exact(fitting: int) -> bool:
    """Whether so few shared memories fit that each is compared."""
    return fitting <= _EXACT_MAX


def searches_shared(query: RecallQuery) -> bool:
    """Whether collective memories are asked for."""
    return not query.scopes or MemoryScope.COLLECTIVE in query.scopes


def search_statement(
    user_id: UUID, query: RecallQuery, model: str, *, is_exact: bool
) -> Select[Any]:
    """Every candidate once, with its `similarity` and `wording`, each null where not searched.

    Of shared memories the nearest are found through the index unless `is_exact`.
    """
    asked = _Asked(query, model)
    arms = _own_arms(user_id, query, asked)
    if searches_shared(query):
        arms += _shared_arms(query, asked, is_exact=is_exact)
    ids = union_all(*(select(arm.subquery().c.id) for arm in arms))
    return select(*COLUMNS, asked.similarity, asked.wording).where(TABLE.c.id.in_(ids))


def validated_since_statement(as_of: datetime, tested: Sequence[Row]) -> CompoundSelect[Any]:
    """How many trades have validated memories after a moment, and how many bore each out.

    Of their own memories users see every validation, of shared ones only how many there are.
    """
    own, shared = (
        [row["id"] for row in tested if (row["scope"] == MemoryScope.COLLECTIVE) is is_shared]
        for is_shared in (False, True)
    )
    c = _VALIDATIONS.c
    counted = (
        func.hedgerow_validated_since(cast(shared, ARRAY(Uuid)), as_of)
        .table_valued("memory_id", "trades", "borne_out")
        .alias("counted")
    )
    return union_all(
        select(
            c.memory_id,
            func.count().label("trades"),
            func.count().filter(c.was_right).label("borne_out"),
        )
        .where(c.memory_id.in_(own), c.at > as_of)
        .group_by(c.memory_id),
        select(counted.c.memory_id, counted.c.trades, counted.c.borne_out),
    )


class _Asked:
    """The vector and the words of a query as SQL; None where they are not given."""

    def __init__(self, query: RecallQuery, model: str) -> None:
        self.candidates = candidates(query.limit)
        self.has_model = TABLE.c.embedding_model == model
        self.vector = None if query.vector is None else _vector(query.vector)
        words = None if query.text is None else func.plainto_tsquery(_ENGLISH, query.text)
        self.all_words = None if words is None else _once(words)
        self.any_word = None if words is None else _once(_any_of(words))

    @property
    def similarity(self) -> ColumnElement[Any]:
        """Cosine similarity; null for a vector of another model, which is never compared."""
        if self.vector is None:
            return null().label("similarity")
        distance = TABLE.c.embedding.cosine_distance(self.vector)
        return case((self.has_model, 1 - distance)).label("similarity")

    @property
    def wording(self) -> ColumnElement[Any]:
        """How well the words are matched, by frequency and place; 0 where none of them is."""
        if self.any_word is None:
            return null().label("wording")
        return func.ts_rank(TABLE.c.content_words, self.any_word).label("wording")


def _own_arms(user_id: UUID, query: RecallQuery, asked: _Asked) -> list[Select[Any]]:
    scopes = [scope for scope in query.scopes if scope is not MemoryScope.COLLECTIVE]
    if query.scopes and not scopes:
        return []
    mine = [TABLE.c.user_id == user_id, *_conditions(query)]
    if scopes:
        mine.append(TABLE.c.scope.in_(scopes))
    arms: list[Select[Any]] = []
    if asked.vector is not None:
        distance = TABLE.c.embedding.cosine_distance(asked.vector)
        near = select(TABLE.c.id).where(*mine, asked.has_model)
        arms.append(near.order_by(distance, TABLE.c.id).limit(asked.candidates))
    if asked.any_word is not None:
        arms.append(_worded(mine, asked.any_word, asked))
    return arms


def _shared_arms(query: RecallQuery, asked: _Asked, *, is_exact: bool) -> list[Select[Any]]:
    shared = _shared(query)
    arms: list[Select[Any]] = []
    if asked.vector is not None:
        # No index is on the vector itself, only on its half: this order decides which way it goes.
        distance = TABLE.c.embedding.cosine_distance(asked.vector)
        near = select(TABLE.c.id).where(*shared, asked.has_model)
        order = distance if is_exact else _half_distance(asked.vector)
        arms.append(near.order_by(order).limit(asked.candidates))
    if asked.all_words is not None:
        # All words, where one would do for a user's own: among many memories any common word is
        # in most of them, and ranking those takes longer than it helps.
        arms.append(_worded(shared, asked.all_words, asked))
    return arms


def _shared(query: RecallQuery) -> list[ColumnElement[Any]]:
    # Spelled out, not bound: only then may a prepared statement use the indexes made for it.
    return [literal_column("memories.scope = 'collective'", Boolean), *_conditions(query)]


def _half_distance(vector: ColumnElement[Any]) -> ColumnElement[Any]:
    half = HALFVEC(EMBEDDING_DIMENSIONS)
    distance: ColumnElement[Any] = cast(TABLE.c.embedding, half).cosine_distance(
        _once(cast(vector, half))
    )
    return distance


def _worded(
    conditions: Sequence[ColumnElement[Any]], words: ColumnElement[Any], asked: _Asked
) -> Select[Any]:
    order = func.ts_rank(TABLE.c.content_words, words).desc()
    matching = select(TABLE.c.id).where(*conditions, TABLE.c.content_words.op("@@")(words))
    return matching.order_by(order, TABLE.c.id).limit(asked.candidates)


def _conditions(query: RecallQuery) -> list[ColumnElement[bool]]:
    c = TABLE.c
    conditions = [
        c.created_at <= query.as_of,
        or_(c.expires_at.is_(None), c.expires_at > query.as_of),
    ]
    if query.types:
        conditions.append(c.type.in_(query.types))
    if query.tags:
        conditions.append(c.tags.contains(list(query.tags)))
    for column, wanted in (
        (c.symbol, query.symbol),
        (c.timeframe, query.timeframe),
        (c.personality, query.personality),
    ):
        if wanted is not None:
            conditions.append(or_(column == wanted, column.is_(None)))
    if query.regime is not None:
        regime = c.metadata["regime"].astext
        # A lesson names the regime as classified, or the journal's group of it.
        named = (query.regime.value, JOURNAL_REGIMES[query.regime].value)
        conditions.append(or_(regime.in_(named), regime.is_(None)))
    return conditions


def _vector(vector: Sequence[float]) -> ColumnElement[Any]:
    array = cast(bindparam("asked_vector", padded(vector), type_=_Reals()), _Reals())
    return _once(cast(array, Vector(EMBEDDING_DIMENSIONS)))


class _Reals(UserDefinedType[Sequence[float]]):
    """`real[]` as the driver takes it: in binary, many times faster than a vector as text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The name of the type in SQL."""
        return "real[]"


def _once(expression: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same as a subquery, which is computed once and not again for every row."""
    return select(expression).scalar_subquery()


def _any_of(all_words: ColumnElement[Any]) -> ColumnElement[Any]:
    # No lexeme holds a space, so ` & ` is always the operator.
    text = func.replace(cast(all_words, Text), " & ", " | ")
    return cast(text, TSQUERY)


def padded(vector: Sequence[float]) -> list[float]:
    """A vector of the stored dimensions: zeros add nothing to a dot product or a norm."""
    return [*vector, *([0.0] * (EMBEDDING_DIMENSIONS - len(vector)))]
