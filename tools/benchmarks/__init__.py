"""What `python -m tools.benchmark` measures, one file each."""
