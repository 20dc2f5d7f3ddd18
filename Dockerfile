# syntax=docker/dockerfile:1
# Two images from one build: `--target server` and `--target loadtest`.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked -p server -p loadtest --bin server --bin loadtest \
    && mkdir /out \
    && cp target/dist/server target/dist/loadtest /out/

FROM debian:bookworm-slim AS base
# Certificate authorities, for https.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*

FROM base AS server
RUN useradd --system --uid 10001 --shell /usr/sbin/nologin server
COPY --from=build /out/server /usr/local/bin/server
USER 10001
EXPOSE 8080
ENTRYPOINT ["server"]

# Tests a server by --host: the image has no PostgreSQL and Redis for a private one.
FROM base AS loadtest
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin loadtest \
    && install -d -o loadtest -g loadtest /home/loadtest/reports
COPY --from=build /out/loadtest /usr/local/bin/loadtest
USER 10001
WORKDIR /home/loadtest
ENTRYPOINT ["loadtest"]
