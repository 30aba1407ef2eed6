"""Variety for training."""
