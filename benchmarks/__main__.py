"""Every benchmark, one after another: `python -m benchmarks`."""

from benchmarks import dispatch, future, latency, registration, restock, sku_change, start, together, workers
from benchmarks.common import main

SCRIPTS = (dispatch, workers, future, start, latency, sku_change, restock, registration, together)

if __name__ == "__main__":
    main(*(script.measure for script in SCRIPTS))
