"""Training: what a step is, what is written down while it goes on, and how a run begins, resumes and ends."""
