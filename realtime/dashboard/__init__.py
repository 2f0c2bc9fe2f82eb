"""The live page: a process of its own that only subscribes, and serves what it hears to browsers."""
