"""Write the rules that migrations make to where `hedgerow db check` looks for them."""

from __future__ import annotations

import asyncio
import json

from hedgerow.infrastructure.postgres.engine import open_engine
from hedgerow.infrastructure.postgres.rules import RULES_FILE, rules_of
from postgres_servers import MIGRATED, embedded_server


async def main(url: str) -> None:
    async with open_engine(url) as engine, engine.connect() as connection:
        rules = await connection.run_sync(rules_of)
    RULES_FILE.write_text(json.dumps(rules, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with embedded_server() as server:
        asyncio.run(main(server.url(MIGRATED)))
