"""Git, as a run needs it: a private mirror, worktrees, commits, and one careful door to the user's repository."""
