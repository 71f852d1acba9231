"""How fast and how small, against what people would use instead: `python -m benchmarks [--quick] [case …]`.

Every case starts its own servers on loopback, lets this project and its peers run in turn in the same run, and reports
ratios: absolute figures are those of the machine, ratios travel. Nothing here is needed by, or part of, the tests.
"""
