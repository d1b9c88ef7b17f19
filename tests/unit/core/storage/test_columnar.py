"""What few processes need is not imported by all of them."""

import subprocess
import sys

LOOK = "import sys, connectpulse.house; print(*{'pyarrow', 'duckdb', 'numpy'} & set(sys.modules))"


def test_a_process_that_looks_into_no_archive_imports_nothing_for_it() -> None:
    found = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == []
