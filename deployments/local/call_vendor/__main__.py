"""Run the stand-in: `python -m deployments.local.call_vendor --port 8090 --results-url http://… --secret whsec_…`."""

import argparse

import uvicorn

from deployments.local.call_vendor.page import application
from deployments.local.call_vendor.vendor import Vendor


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(description="Take calls, and report their results.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--results-url", required=True, help="where cancelflow takes results")
    parser.add_argument("--secret", required=True, help="whsec_…, which signs them")
    arguments = parser.parse_args()
    vendor = Vendor(arguments.results_url, arguments.secret)
    uvicorn.run(application(vendor), host=arguments.host, port=arguments.port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
