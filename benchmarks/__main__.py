"""Every benchmark, one after another: `python -m benchmarks`."""

from benchmarks import dispatch, future, latency, registration, sku_change, start, workers
from benchmarks.common import main

SCRIPTS = (dispatch, workers, future, start, latency, sku_change, registration)

if __name__ == "__main__":
    main(*(script.measure for script in SCRIPTS))
