"""Runs a command and prints, as the last line, what it took: CPU seconds, elapsed seconds, peak memory, and
the command's own last line."""
import json
import resource
import subprocess
import sys
import time

start = time.monotonic()
ended = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)
took = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "cpu_s": took.ru_utime + took.ru_stime,
    "elapsed_s": time.monotonic() - start,
    "peak_mb": took.ru_maxrss / 1024,
    "last_line": (ended.stdout.splitlines() or [""])[-1],
}))
sys.exit(ended.returncode)
