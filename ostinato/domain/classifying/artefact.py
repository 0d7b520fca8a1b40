"""The model that is shipped: a constant of the package, unpacked once."""

from functools import cache
from importlib.resources import files

from ostinato.domain.classifying.model import Model, unpacked

NAME = "classifier.bin"


@cache
def shipped_model() -> Model:
    return unpacked((files("ostinato.domain.data") / NAME).read_bytes())
