"""Errors with a stable code, their data, and a message that says what, where, and what to do next."""

from collections.abc import Sequence

from ostinato.domain.base import Fact


class Problem(Fact):
    """One thing wrong with an input: where it is, what it is, how to cure it."""

    code: str
    field: str
    message: str
    cure: str
    line: int | None = None
    column: int | None = None
    file: str | None = None
    """Of the line, where the problem is one of a file."""

    def __str__(self) -> str:
        place = f"{self.field}" if self.line is None else f"{self.field} (line {self.line}, column {self.column or 1})"
        place = f"{self.file}: {place}" if self.file else place
        return f"{place}: {self.message}. {self.cure}"


class OstinatoError(Exception):
    """The root of every error we raise on purpose."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class UserError(OstinatoError):
    """Their input: carries every problem found, never only the first."""

    code = "bad_input"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems), code=problems[0].code)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, code: str, field: str, message: str, cure: str) -> "UserError":
        return cls([Problem(code=code, field=field, message=message, cure=cure)])


class ExternalError(OstinatoError):
    """The world: git, the disk, a server, a tool."""

    code = "external"


class InvariantError(OstinatoError):
    """Our bug."""

    code = "invariant"
