# The lab with everything it needs, as a user of its own. Data lives in /data: one volume to keep and to back up.
FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin lab \
    && install -d -o lab -g lab -m 0700 /data
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY streamlit_app.py ledger.json ./
COPY .streamlit .streamlit
COPY core core
COPY pages pages
COPY tools tools
ENV PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/data/numba \
    HOST=0.0.0.0 \
    DATA_DIR=/data \
    LEDGER_PATH=/data/ledger.json \
    UPLOADS_DIR=/data/uploads
USER lab
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["python", "streamlit_app.py"]
