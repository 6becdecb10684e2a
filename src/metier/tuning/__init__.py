"""Fine-tuning: what a run would need, the run itself, and the adapters it leaves."""
