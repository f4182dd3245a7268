"""Pages that people read, made from committed tables."""
