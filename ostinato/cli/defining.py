"""A definition file → a plan."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ostinato.adapters.definitions import read_definition
from ostinato.domain.definition import compile_definition
from ostinato.domain.plan import Plan


def compile_file(path: Path, inputs: Mapping[str, str]) -> Plan:
    """Raises UserError with every problem of the file and its inputs."""
    definition = read_definition(path)
    return compile_definition(definition, inputs, f"definition:{path}", hashlib.sha256(path.read_bytes()).hexdigest())
