"""Narrators on people and action units that none was trained on: from pictures to words."""
