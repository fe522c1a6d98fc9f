"""Puts adapters behind ports, by the settings; nobody else knows both."""

from __future__ import annotations

from hedgerow.bootstrap.backstage import Backstage

__all__ = ["Backstage"]
