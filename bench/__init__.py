"""Benchmarks: how fast the pipeline is, and how right what it says."""
