"""The flow that keeps an expert current: sync, drift, rows of the change, tuning, exam, promotion."""
