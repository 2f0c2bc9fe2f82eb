"""The commands of `mellm`, one a file; `realtime.app` puts them together."""
