#!/bin/sh
# What the tests marked `real` need beyond PyPI's wheels: servers from Debian's packages, and virtual environments that
# must stay apart from ours. Run as root, as often as you like.
set -eu
cd "$(dirname "$0")/../.."
apt-get update -qq

# PostgreSQL with PostGIS: for the ledger on PostgreSQL, and below pgstac. The server that Debian starts is not used.
postgis=$(apt-cache search --names-only '^postgresql-[0-9]+-postgis-3$' | cut -d ' ' -f 1 | sort -V | tail -n 1)
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql "$postgis"

# Ceph's object gateway, with a monitor and a store in memory: the truest S3 server among Debian's packages.
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends radosgw ceph-mon ceph-osd

# stac-fastapi-pgstac: a STAC API with the Transaction extension, in a virtual environment of its own.
[ -x .venvs/pgstac/bin/python ] || "${PYTHON:-python3}" -m venv .venvs/pgstac
.venvs/pgstac/bin/python -m pip install -q 'stac-fastapi-pgstac>=7,<8' 'pypgstac[psycopg]>=0.10,<0.11' 'uvicorn>=0.34'

# Chromium looks at the status page; systemd's own checker reads the unit.
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core systemd

# STAC Browser as npm has it, with the newest map library that it builds with; Chromium to look at catalogs with.
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium
# Where npm is there already, Debian's own would clash with the Node.js that it came with.
command -v npm >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm
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

# The map of STAC Browser 5, which npm does not have, is drawn by a newer ol-stac than version 4 builds with.
if [ ! -f .venvs/ol-stac/node_modules/esbuild/package.json ]; then
    mkdir -p .venvs/ol-stac
    (cd .venvs/ol-stac && npm install --silent --no-audit --no-fund --ignore-scripts ol@10.11.0 ol-stac@1.6.0 proj4@2 esbuild@0)
fi
cp tests/real/browser/map.js .venvs/ol-stac/
(cd .venvs/ol-stac && npx --silent esbuild map.js --bundle --minify --log-level=error --outfile=dist/map.js)

# Readers of the search index (rustac 0.9.17 is the newest whose DuckDB extensions PyPI has), and the API server that
# serves it; each in a virtual environment of its own.
extensions='duckdb-extension-spatial==1.5.5 duckdb-extension-icu==1.5.5 duckdb-extension-parquet==1.5.5 duckdb-extension-json==1.5.5'
[ -x .venvs/readers/bin/python ] || "${PYTHON:-python3}" -m venv .venvs/readers
.venvs/readers/bin/python -m pip install -q 'rustac==0.9.17' 'geopandas>=1.1,<2' 'stac-geoparquet==0.8.3' 'pystac-client>=0.9,<0.10'
[ -x .venvs/geoparquet-api/bin/python ] || "${PYTHON:-python3}" -m venv .venvs/geoparquet-api
# shellcheck disable=SC2086 # several words are meant
.venvs/geoparquet-api/bin/python -m pip install -q 'stac-fastapi-geoparquet==0.0.7' 'stac-fastapi-api>=6.2,<6.3' \
    'stac-fastapi-types>=6.2,<6.3' 'stac-fastapi-extensions>=6.2,<6.3' 'fastapi<0.130' 'uvicorn>=0.34' 'rustac==0.9.17' $extensions
case "$(uname -m)" in aarch64 | arm64) platform=linux_arm64 ;; *) platform=linux_amd64 ;; esac
mkdir -p ".venvs/duckdb-extensions/v1.5.5/$platform"
cp .venvs/geoparquet-api/lib/python3*/site-packages/duckdb_extension_*/extensions/v1.5.5/*.duckdb_extension ".venvs/duckdb-extensions/v1.5.5/$platform/"

# Other people's validators, and the schemas of STAC and its extensions as packages carry them, so that none is fetched.
[ -x .venvs/validators/bin/python ] || "${PYTHON:-python3}" -m venv .venvs/validators
.venvs/validators/bin/python -m pip install -q 'stac-check==1.14.0' 'stac_valid>=4.2,<5' 'pystac>=1.15,<2' pyyaml
if [ ! -f .venvs/stac-schemas/map.json ]; then
    archives=$(mktemp -d)
    for package in classification datacube eo file grid mgrs projection raster render scientific storage table timestamps version view; do
        .venvs/validators/bin/python -m pip download -q --no-deps --no-binary :all: -d "$archives" "pystac-ext-$package"
    done
    .venvs/validators/bin/python -m pip download -q --no-deps --only-binary :all: -d "$archives" 'eopf==2.8.1'
    .venvs/validators/bin/python tests/real/validators/schemas.py "$archives" .venvs/stac-schemas
    rm -r "$archives"
fi
if [ ! -f .venvs/stac-node-validator/node_modules/stac-node-validator/package.json ]; then
    mkdir -p .venvs/stac-node-validator
    (cd .venvs/stac-node-validator && npm install --silent --no-audit --no-fund --ignore-scripts stac-node-validator@2.0.0)
fi
