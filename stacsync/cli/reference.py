"""The reference of all settings (docs/reference.md), made from the models: `python -m stacsync.cli.reference`."""

from __future__ import annotations

import sys

from stacsync import registry
from stacsync.cli.describe import Row, rows
from stacsync.settings import CommonProvider, Settings, shape

HEAD = """\
# Reference of all settings

Made from the settings' own models by `python -m stacsync.cli.reference > docs/reference.md`; a test keeps it current.

The file is TOML. It is the one that `--config` names, else `STACSYNC_CONFIG`, else `./stacsync.toml`, else
`/etc/stacsync/stacsync.toml`. Relative paths in it are relative to the working folder.

- **From the environment:** `STACSYNC_<SECTION>__<KEY>` overrides the file, tables in tables and list positions included:
  `STACSYNC_STORAGE__URL`, `STACSYNC_PROVIDERS__CDSE__AUTH__PASSWORD`, `STACSYNC_TARGETS__0__TOKEN`. In the name of a
  provider `_` stands for `-`. A list is written as JSON, or as parts between commas. An empty variable counts as not set.
- **From a file:** any value may be read from a file by naming `<key>_file` instead (`password_file =
  "/run/secrets/password"`, or `…__PASSWORD_FILE`); line breaks at its end are dropped, as they are from variables.
- **Durations** are `"30s"`, `"5m"`, `"1h30m"`; **sizes** `"50GiB"`, `"500MB"` or a number of bytes; **globs** know `*`, `?`
  and `[a-z]`, letters in either case.
- An unknown key, a bad value or a missing secret is refused at start, all mistakes at once, each with its key's full path.
"""


def render() -> str:
    """Return the reference as Markdown."""
    parts = [HEAD]
    for name, info in Settings.model_fields.items():
        if name == "providers":
            continue
        listed = shape.models(shape.element(info.annotation))
        model = (listed or shape.models(info.annotation))[0]
        heading = f"[[{name}]]" if listed else f"[{name}]"
        parts.append(f"## `{heading}`\n\n{info.description}.\n\n{_table(rows(model))}")
    common = rows(CommonProvider)
    parts.append(f"## `[providers.NAME]`\n\nWhat every provider takes, whatever its kind.\n\n{_table(common)}")
    shared = {row.key for row in common}
    for name, kind in registry.kinds().items():
        own = [row for row in rows(kind.settings) if row.key not in shared]
        parts.append(f'### `kind = "{name}"`\n\n{kind.summary}\n\n{_table(own)}')
    return "\n".join(parts)


def _table(shown: list[Row]) -> str:
    lines = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for row in shown:
        when = f" (`{row.when}`)" if row.when else ""
        default = (
            "**required**" if row.required else f"`{row.default}`" if row.default not in {"", "none"} else row.default
        )
        cells = (f"`{row.key}`{when}", row.type, default, row.meaning)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
