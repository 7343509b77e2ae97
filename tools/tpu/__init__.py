"""Training steps compiled by the TPU's own compiler on a machine without a TPU, and what it says of them."""
