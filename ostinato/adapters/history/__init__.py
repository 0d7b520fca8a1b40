"""What past runs came to, in SQL. Importing this package does not import SQLAlchemy: the first call does."""

from ostinato.adapters.history.store import FILE_NAME, History, HistoryState
from ostinato.adapters.history.trouble import HistoryProblem

__all__ = ["FILE_NAME", "History", "HistoryProblem", "HistoryState"]
