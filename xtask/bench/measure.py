"""Runs a command and prints, as the last line, what it took: CPU seconds, elapsed seconds, peak memory."""
import json
import resource
import subprocess
import sys
import time

start = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
took = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "cpu_s": took.ru_utime + took.ru_stime,
    "elapsed_s": time.monotonic() - start,
    "peak_mb": took.ru_maxrss / 1024,
}))
sys.exit(code)
