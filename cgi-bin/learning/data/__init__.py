"""MNIST and its files."""
