"""Ask a validator of others about documents, without a network: `judge.py TOOL MAP`, paths on standard input, one a line.

Prints JSON: path -> what the tool finds wrong. MAP is the file of `schemas.py`: where the schemas lie.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from pystac.errors import STACValidationError
from pystac.validation import RegisteredValidator, validate_dict
from pystac.validation.stac_validator import JsonSchemaSTACValidator

Judge = Callable[[str], list[str]]
Places = dict[str, str]


def no_network(*address: Any, **_: Any) -> Any:
    raise OSError(f"no network in this test: {address[0]}")


def stac_valid(places: Places) -> Judge:
    """Return the judgement of `stac-validator validate --schema-map …`."""
    validate = import_module("stac_validator.stac_validator").StacValidate

    def judge(path: str) -> list[str]:
        asked = validate(path, schema_map=dict(places))
        asked.run()
        (told,) = asked.message
        checked = [one for one in told["schema"] if one]
        missing = [] if told["valid_stac"] or checked else ["no schema was looked at"]
        return [] if told["valid_stac"] else [f"{told.get('error_type')}: {told.get('error_message')}", *missing]

    return judge


def stac_check(places: Places) -> Judge:
    """Return the judgement of `stac-check`, and its advice but what an option of the command switches off.

    It has no option for schemas that lie here, so that what it fetches is answered from the map.
    """
    linting, utilities = import_module("stac_check.lint"), import_module("stac_validator.utilities")
    fetch = vars(utilities)["fetch_and_parse_file"]

    def answered(path: str, headers: dict[str, str] | None = None) -> Any:
        return fetch(places.get(path, path), headers)

    vars(utilities)["fetch_and_parse_file"] = answered
    config = Path(__file__).with_name("stac-check.yml")

    def judge(path: str) -> list[str]:
        linter = linting.Linter(path, config_file=str(config))
        wrong = [] if linter.valid_stac else [f"{linter.error_type}: {linter.error_msg}"]
        advice = {**linter.create_best_practices_dict(), "geometry": linter.geometry_errors_msg[1:]}
        return wrong + [f"advice, {name}: {text}" for name, text in advice.items() if text]

    return judge


def pystac(places: Places) -> Judge:
    """Return the judgement of pystac with the published schemas of extensions."""
    validator = JsonSchemaSTACValidator()
    validator.schema_cache |= {address: json.loads(Path(file).read_text()) for address, file in places.items()}
    RegisteredValidator.set_validator(validator)

    def judge(path: str) -> list[str]:
        try:
            validate_dict(json.loads(Path(path).read_text()))
        except STACValidationError as error:
            return [str(error)]
        return []

    return judge


def main() -> None:
    """Judge every document that is named."""
    socket.getaddrinfo = no_network
    tool = {"stac_valid": stac_valid, "stac-check": stac_check, "pystac": pystac}[sys.argv[1]]
    judge = tool(json.loads(Path(sys.argv[2]).read_text()))
    found = {path: judge(path) for path in sys.stdin.read().splitlines()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
