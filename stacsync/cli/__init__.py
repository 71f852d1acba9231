"""The command line: each module parses one or two commands, calls what does the work, and shows what came of it.

Only typer is imported up front; everything else is imported by the command that needs it, so that `--help` is quick.
Results go to stdout, everything else to stderr. Exit codes: 0 all well, 1 something failed, 2 configuration or usage.
"""
