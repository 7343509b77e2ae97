"""Where and how much pictures are blurred."""
