"""What `attack.py` and `attack_kills.py` try, and on what. The helpers are those of the tests: importing this package
puts `tests/` before `benchmarks/` on the path, where some names stand in both."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
