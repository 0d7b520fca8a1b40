"""A gateway in a process of its own, to be killed: prints its address and the key of one step, and serves for ever."""

import asyncio
import json
import sys
from pathlib import Path

from ostinato.adapters.gateway import Gateway
from ostinato.adapters.prices import known_prices
from ostinato.domain.agents.wires import Wire
from ostinato.domain.budget.amounts import Limit
from tests.integration.gateways import upstreams


async def main(folder: str, upstream: str, requests: str) -> None:
    gateway = Gateway(upstreams=upstreams(upstream), ledger_folder=Path(folder), prices=known_prices())
    async with gateway.serving():
        given = gateway.open("run/a/1", Limit(requests=int(requests)))
        said = {"url": f"{given.base_urls[Wire.ANTHROPIC]}/v1/messages", "key": given.key}
        print(json.dumps(said), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
