"""The training of the scikit-learn models."""
