"""The gateway between coding agents and their models: meters, caps, hides keys, records. Embedded in the worker."""

from ostinato.adapters.gateway.gateway import Address, Gateway, Pass, Used
from ostinato.adapters.gateway.tapes import Tape, TapeMode
from ostinato.adapters.gateway.upstreams import Upstream, upstreams_of

__all__ = ["Address", "Gateway", "Pass", "Tape", "TapeMode", "Upstream", "Used", "upstreams_of"]
