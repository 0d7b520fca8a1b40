"""What a failure is, and what to do about it. Pure: facts and history in, one strategy out."""
