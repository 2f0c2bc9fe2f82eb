"""The commands of `mellm`, one a file; `realtime.cli` puts them together."""
