# An expert served over the network. The expert lies in the volume /data; the packaged models are in the image.
#
#   docker build -t metier .
#   docker run --rm -v metier-data:/data metier init expert
#   docker run --rm -v metier-data:/data -v "$PWD/documents:/documents:ro" metier add /documents
#   docker run --rm -v metier-data:/data -v "$PWD/documents:/documents:ro" metier sync
#   docker run --rm -v metier-data:/data metier keys create laptop        # shown once; without a key nothing is served
#   docker run --rm -v metier-data:/data -p 127.0.0.1:8000:8000 --read-only --tmpfs /tmp --cap-drop ALL metier

# The digest is that of the tag when it was pinned: `docker buildx imagetools inspect python:3.11.13-slim-bookworm` says it.
FROM python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1 AS build
WORKDIR /build
RUN python -m venv /opt/metier
ENV PATH=/opt/metier/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints-serve.txt ./
# No torch: it trains adapters, which are answered with by llama.cpp alone.
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement constraints-serve.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

ENV METIER_CACHE=/opt/models
RUN metier models pull

FROM python:3.11.13-slim-bookworm@sha256:86adf8dbadc3d6e82ee5dd2c74bec2e1c2467cdad47886280501df722372d2e1
# libgomp is what llama.cpp is linked against. Debian takes old versions off its mirrors, so none is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 tesseract-ocr tesseract-ocr-ben \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --home-dir /tmp metier \
    && install --directory --owner=metier --mode=700 /data
COPY --from=build /opt/metier /opt/metier
COPY --from=build /opt/models /opt/models
ENV PATH=/opt/metier/bin:$PATH \
    METIER_CACHE=/opt/models \
    METIER_EXPERT=/data/expert \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
# The server ends when what it is writing has ended; a second signal ends it at once.
STOPSIGNAL SIGTERM
ENTRYPOINT ["metier"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
