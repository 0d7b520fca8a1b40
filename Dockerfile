# One image for workers and for the command line. Build: docker build --tag ostinato .
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
RUN python -m venv /opt/ostinato
COPY constraints.txt ./
COPY pyproject.toml README.md LICENSE ./
COPY ostinato ./ostinato
COPY workflows ./workflows
COPY activities ./activities
COPY worker.py ./
RUN /opt/ostinato/bin/pip install --constraint constraints.txt ".[otel]"

FROM ${PYTHON_IMAGE}
# git and make: worktrees, and projects whose commands live in a Makefile. tini: reaps what children leave behind.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make tini \
    && rm -rf /var/lib/apt/lists/*

# The owner of the mounted repositories: git refuses folders that belong to somebody else.
ARG OSTINATO_UID=1000
ARG OSTINATO_GID=1000
RUN groupadd --non-unique --gid "${OSTINATO_GID}" ostinato \
    && useradd --non-unique --uid "${OSTINATO_UID}" --gid "${OSTINATO_GID}" --create-home ostinato \
    && install --directory --owner=ostinato --group=ostinato --mode=0700 /var/lib/ostinato

COPY --from=build /opt/ostinato /opt/ostinato
COPY deploy/scripts/worker-health.py /opt/ostinato/share/worker-health.py
ENV PATH=/opt/ostinato/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OSTINATO_HOME=/var/lib/ostinato
USER ostinato
WORKDIR /var/lib/ostinato
VOLUME /var/lib/ostinato
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "/opt/ostinato/share/worker-health.py"]
ENTRYPOINT ["tini", "--"]
CMD ["ostinato", "worker"]
