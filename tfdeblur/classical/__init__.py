"""Deblurring that is computed or fitted, without a deep network."""
