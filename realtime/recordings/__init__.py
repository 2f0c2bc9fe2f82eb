"""Sessions that are kept: written as they run, read, compared and played again."""
