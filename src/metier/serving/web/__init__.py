"""The page: everything a person does with an expert, in a browser. Server-rendered HTML; scripts only where a page
changes without being loaded again. No file of it comes from anywhere else."""
