"""Skills, MCP servers, commands, agents, modes and project context, from where people keep them."""

from ostinato.adapters.resources.discovery import built_in, discover
from ostinato.adapters.resources.trees import CommitTree, FolderTree, Tree

__all__ = ["CommitTree", "FolderTree", "Tree", "built_in", "discover"]
