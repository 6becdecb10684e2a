"""Training data: imported, generated from passages, and checked before a run."""
