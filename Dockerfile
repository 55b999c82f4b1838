# Images of the portal: `web`, `jobs`, and `sandbox`, the stand-ins of a development stack.
#
# A tag moves, a digest does not. Whoever has a newer one, or a base of the same make, hands it in: --build-arg BASE=...
ARG BASE=python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285
ARG POSTGRES=postgres:18-trixie@sha256:4ef4dbc939d61acea57712655ddb4b4ab27419c913f94cca0cd57cb3ea3c2280


# What every image has: Python, an init that hands signals on and takes in orphans, and an account without rights.
FROM ${BASE} AS base
SHELL ["/bin/sh", "-eux", "-c"]
# hadolint ignore=DL3008 # the base's digest decides; Debian keeps no older version of a package
RUN export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install --yes --no-install-recommends tini; \
    rm -rf /var/lib/apt/lists/*; \
    useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin portal
ENV PATH=/opt/portal/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    REFLEX_TELEMETRY_ENABLED=false \
    REFLEX_CHECK_LATEST_VERSION=false
WORKDIR /srv/portal


# The locked packages, checked by their hashes; pip stays behind.
FROM base AS packages
COPY delivery/requirements/product.txt /build/
RUN python3 -m venv /build/pip; \
    python3 -m venv --without-pip /opt/portal; \
    /build/pip/bin/pip --python /opt/portal/bin/python install --no-cache-dir --require-hashes --no-deps \
        --only-binary :all: -r /build/product.txt


# The front end. It names no address of its own: a page asks the origin that it came from, so one build serves any.
FROM packages AS front-end
# Certificates of a proxy that looks into what passes, where a company has one.
ARG NODE_EXTRA_CA_CERTS
COPY delivery/requirements/build.txt /build/
RUN /build/pip/bin/pip --python /opt/portal/bin/python install --no-cache-dir --require-hashes --no-deps \
        --only-binary :all: -r /build/build.txt
COPY backend/sandbox/bun/ /build/bun/
RUN npm ci --prefix /build/bun --ignore-scripts --no-audit --no-fund; \
    for bun in /build/bun/node_modules/@oven/bun-*/bin/bun; do \
        if "$bun" --version; then ln -sf "$bun" /usr/local/bin/bun; fi; \
    done
COPY pyproject.toml rxconfig.py ./
COPY assets assets
COPY reflex.lock reflex.lock
COPY backend backend
COPY runbooks runbooks
COPY portal portal
# Reflex would ask two registries which answers faster.
RUN NPM_CONFIG_REGISTRY="$(npm config get registry)" REFLEX_USE_SYSTEM_BUN=1 reflex export --no-zip; \
    mkdir /build/web; \
    mv .web/build .web/backend /build/web/


# The manual in both languages; the English site lies in the Persian one.
FROM packages AS manual
COPY delivery/requirements/manual.txt /build/
RUN /build/pip/bin/pip --python /opt/portal/bin/python install --no-cache-dir --require-hashes --no-deps \
        --only-binary :all: -r /build/manual.txt
COPY mkdocs.fa.yml mkdocs.en.yml CHANGELOG.md ./
COPY docs docs
RUN python -m mkdocs build --strict -f mkdocs.fa.yml; \
    python -m mkdocs build --strict -f mkdocs.en.yml


# The code of the product, compiled, without the stand-ins.
FROM packages AS product
COPY docs docs
COPY backend backend
COPY runbooks runbooks
COPY jobs jobs
COPY portal portal
RUN rm -r backend/sandbox; \
    python -m compileall -q -j 0 .


# The tools of PostgreSQL in the server's major version, with their own library.
FROM ${POSTGRES} AS postgresql
SHELL ["/bin/bash", "-euxo", "pipefail", "-c"]
RUN mkdir -p /tools/bin /tools/lib; \
    cp "/usr/lib/postgresql/$PG_MAJOR/bin/pg_dump" "/usr/lib/postgresql/$PG_MAJOR/bin/pg_restore" /tools/bin/; \
    cp -L "$(ldd /tools/bin/pg_dump | awk '$1 == "libpq.so.5" { print $3 }')" /tools/lib/


# What runs: nothing here builds or installs.
FROM base AS runtime
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip
COPY --from=packages /opt/portal /opt/portal
# Two scrape intervals: what a process counted last is read before it goes.
ENV HOME=/tmp \
    TMPDIR=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    METRICS_HOLD_S=30
# Everything else may be read-only.
VOLUME ["/tmp"]
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "python", "-m"]
# What is built is told by whoever builds it; a version is a name that this very build has, never one that is to come.
ARG VERSION=unreleased
ARG REVISION=unknown
ARG CREATED
ARG SOURCE
ARG BASE
LABEL org.opencontainers.image.vendor="DocuChat" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${BASE}"
ENV PORTAL_REVISION="${REVISION}"


FROM runtime AS web
LABEL org.opencontainers.image.title="DocuChat portal: web" \
      org.opencontainers.image.description="Pages, their websocket and the doors for machines, on one port"
COPY --from=product /srv/portal/docs docs
COPY --from=product /srv/portal/backend backend
COPY --from=product /srv/portal/runbooks runbooks
COPY --from=product /srv/portal/portal portal
COPY --from=front-end /build/web .web
COPY --from=manual /srv/portal/site site
COPY rxconfig.py ./
ENV REFLEX_ENV_MODE=prod \
    __REFLEX_SKIP_COMPILE=true \
    __REFLEX_MOUNT_FRONTEND_COMPILED_APP=true
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:3000/healthz', timeout=4)"]
CMD ["portal", "--host", "0.0.0.0", "--port", "3000"]


# Also the image of runs of runbooks ("runbooks run ID"), of migrations ("backend.db upgrade") and of jobs by hand.
FROM runtime AS jobs
LABEL org.opencontainers.image.title="DocuChat portal: jobs" \
      org.opencontainers.image.description="The scheduler, the runs of runbooks, migrations and backups"
COPY --from=postgresql /tools /opt/postgresql
COPY --from=product /srv/portal/docs docs
COPY --from=product /srv/portal/backend backend
COPY --from=product /srv/portal/runbooks runbooks
COPY --from=product /srv/portal/jobs jobs
ENV POSTGRES_TOOLS_DIR=/opt/postgresql/bin \
    JOBS_METRICS_PORT=9102
USER 0
# What libpq itself needs comes with Debian's libpq5; the tools take the newer one beside them.
# hadolint ignore=DL3008
RUN export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install --yes --no-install-recommends libpq5 liblz4-1 libzstd1; \
    rm -rf /var/lib/apt/lists/*; \
    echo /opt/postgresql/lib > /etc/ld.so.conf.d/000-postgresql.conf; \
    ldconfig; \
    /opt/postgresql/bin/pg_dump --version; \
    install --directory --owner 10001 --group 10001 /backups
USER 10001:10001
# Where BACKUP_DIR may lie.
VOLUME ["/backups"]
EXPOSE 9102
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:9102/healthz', timeout=4)"]
CMD ["jobs"]


# For development only: the stand-ins of the outside world, one a container, and the programs of a stack by hand.
FROM packages AS sandbox
LABEL org.opencontainers.image.title="DocuChat portal: stand-ins" \
      org.opencontainers.image.description="The outside world of a development stack; never for production"
COPY delivery/requirements/sandbox.txt /build/
RUN /build/pip/bin/pip --python /opt/portal/bin/python install --no-cache-dir --require-hashes --no-deps \
        --only-binary :all: -r /build/sandbox.txt; \
    install --directory --owner 10001 --group 10001 /state
COPY backend backend
COPY runbooks runbooks
ENV HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1
# What a stand-in remembers, such as the mails that it was given.
VOLUME ["/tmp", "/state"]
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["tini", "--", "python", "-m"]
CMD ["backend.sandbox.zibal", "--host", "0.0.0.0", "--port", "8000", "--state", "/state/zibal.json"]
