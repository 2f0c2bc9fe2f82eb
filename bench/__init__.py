"""Measures the house."""
