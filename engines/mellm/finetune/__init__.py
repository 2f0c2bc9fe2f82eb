"""A full-size language model learns to narrate."""
