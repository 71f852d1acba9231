#!/bin/sh
# What the tests marked `real` need beyond PyPI's wheels: servers from Debian's packages, and virtual environments that
# must stay apart from ours. Run as root, as often as you like.
set -eu
cd "$(dirname "$0")/../.."
apt-get update -qq

# PostgreSQL with PostGIS: for the ledger on PostgreSQL, and below pgstac. The server that Debian starts is not used.
postgis=$(apt-cache search --names-only '^postgresql-[0-9]+-postgis-3$' | cut -d ' ' -f 1 | sort -V | tail -n 1)
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql "$postgis"

# stac-fastapi-pgstac: a STAC API with the Transaction extension, in a virtual environment of its own.
[ -x .venvs/pgstac/bin/python ] || "${PYTHON:-python3}" -m venv .venvs/pgstac
.venvs/pgstac/bin/python -m pip install -q 'stac-fastapi-pgstac>=7,<8' 'pypgstac[psycopg]>=0.10,<0.11' 'uvicorn>=0.34'

# Chromium looks at the status page; systemd's own checker reads the unit.
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core systemd

# STAC Browser as npm has it, with the newest map library that it builds with; Chromium to look at catalogs with.
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium nodejs npm
if [ ! -f .venvs/stac-browser/dist/index.html ]; then
    rm -rf .venvs/stac-browser && mkdir -p .venvs/stac-browser
    (
        cd .venvs/stac-browser
        tarball=$(npm pack --silent @radiantearth/stac-browser@4.0.1)
        tar xzf "$tarball" --strip-components=1 && rm "$tarball"
        sed -i 's#<!-- <script defer="defer" src="/config.js"></script> -->#<script defer="defer" src="./config.js"></script>#' public/index.html
        npm install --silent --no-audit --no-fund --ignore-scripts
        npm install --silent --no-audit --no-fund --ignore-scripts ol-stac@1.1.0 playwright-core@1
        npx vue-cli-service build --noSourceMaps --historyMode=hash --pathPrefix=./
    )
fi
