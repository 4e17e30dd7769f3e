# The portal as an image: docker build --tag sekisho .
# BASE is any Debian 12 or 13. Its own Python is used, so building again brings Debian's fixes.
ARG BASE=debian:trixie-slim

# --- python-ldap has to be compiled: compiler and headers stay behind in this stage -----------
FROM ${BASE} AS build
ENV DEBIAN_FRONTEND=noninteractive
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        python3 python3-venv python3-dev gcc libc6-dev libldap-dev libsasl2-dev ca-certificates \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
RUN python3 -m venv .venv
ENV PATH=/app/.venv/bin:$PATH
COPY requirements.txt requirements-build.txt ./
# What builds a package is locked as well; afterwards nothing that installs is left.
RUN pip install --no-cache-dir --require-hashes -r requirements-build.txt \
    && pip install --no-cache-dir --require-hashes --no-build-isolation -r requirements.txt \
    && pip uninstall --yes setuptools pip

COPY manage.py ./
COPY accounts accounts
COPY portal portal
COPY locale locale
COPY templates templates
COPY static static
# The root file system may be read-only at run time, so bytecode and static files are laid now.
# The settings want secrets; these live for this one command. A checkout may be its owner's alone.
# hadolint ignore=DL4006
RUN python -m compileall -q accounts portal manage.py \
    && SECRET_KEY=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n') \
        PORTAL_RECORD_KEY=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n') \
        python manage.py collectstatic --no-input --verbosity 0 \
    && chmod -R u=rwX,go=rX .

# --- what runs --------------------------------------------------------------------------------
FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sekisho" \
    org.opencontainers.image.description="A sign-in portal for the AWS console" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"

# OpenLDAP's library is libldap2 on Debian 13 and libldap-2.5-0 on Debian 12. Nobody needs to
# become somebody else in here, so the set-user-id bits go.
# hadolint ignore=DL3008,DL4006,SC2046
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        python3 tzdata ca-certificates \
        $(apt-cache --names-only search '^libldap(2|-2\.5-0)$' | cut -d ' ' -f 1) \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && groupadd --system --gid 10001 sekisho \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin sekisho \
    && install --directory --owner=sekisho --group=sekisho --mode=0700 /data

# The code belongs to root: whoever gets into the process cannot change it.
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BIND=0.0.0.0 \
    DATABASE_URL=sqlite:////data/portal.sqlite3
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-m", "portal.server.healthcheck"]
# The first process becomes gunicorn's master, so SIGTERM ends it in order.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "portal.server.serve"]
