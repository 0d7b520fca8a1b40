"""Data of the package, read as bytes."""
