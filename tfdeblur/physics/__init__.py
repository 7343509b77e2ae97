"""How photographs come about: kernels, blur with its adjoint, noise; on NumPy arrays and on tensors alike."""
