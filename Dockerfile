# syntax=docker/dockerfile:1
# The daemon in a small image: nothing but Python, the locked packages and stacsync; no shell is needed at run time.
# Build:  docker build -t stacsync .
# Run:    docker run --read-only --cap-drop ALL --tmpfs /tmp -v stacsync-state:/var/lib/stacsync \
#             -v ./stacsync.toml:/etc/stacsync/stacsync.toml:ro -p 127.0.0.1:8080:8080 stacsync

# Both stages begin with the same image. For a build that can be repeated exactly, name it by its digest:
#         docker build --build-arg BASE=python:3.12-slim-bookworm@sha256:… -t stacsync .
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/stacsync
COPY requirements.run.lock requirements.build.lock /build/
# The packages first: they change more rarely than the code, so this layer stays cached. What builds the wheel stays apart.
RUN /opt/stacsync/bin/pip install --require-hashes -r /build/requirements.run.lock \
 && python -m pip install --require-hashes -r /build/requirements.build.lock
COPY pyproject.toml README.md LICENSE /build/
COPY stacsync /build/stacsync
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /build/wheels /build \
 && /opt/stacsync/bin/pip install --no-deps --no-index /build/wheels/*.whl \
 && /opt/stacsync/bin/python -m compileall -q /opt/stacsync

FROM ${BASE}
LABEL org.opencontainers.image.title="stacsync" \
      org.opencontainers.image.description="Mirrors finished Earth-observation jobs and publishes them as a STAC catalog" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/stacsync stacsync \
 && install -d -o stacsync -g stacsync -m 0700 /var/lib/stacsync \
 && install -d /etc/stacsync
COPY --from=build /opt/stacsync /opt/stacsync
ENV PATH=/opt/stacsync/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The ledger (sqlite:///stacsync.db) and rotated tokens are written here and nowhere else.
WORKDIR /var/lib/stacsync
VOLUME /var/lib/stacsync
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["stacsync", "health"]
ENTRYPOINT ["stacsync"]
CMD ["run"]
