"""What a backtest has learned, in memory."""

from hedgerow.infrastructure.memory_store.notebook import MemoryNotebook

__all__ = ["MemoryNotebook"]
