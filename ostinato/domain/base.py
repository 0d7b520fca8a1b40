"""The two kinds of model: facts that travel, and files that people write."""

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """Travels through contracts: immutable; unknown fields of a newer version are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Authored(BaseModel):
    """Written by people: immutable; an unknown field is a mistake worth naming."""

    model_config = ConfigDict(frozen=True, extra="forbid")
