"""How photographs get blurred: kernels and convolutions on NumPy arrays."""
