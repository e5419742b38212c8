# Images of the order system: `runtime` holds order-server, order-worker, order-gateway and orderctl; `migrate` holds dbmate and the
# migrations. compose.yaml builds both. Only Debian packages and, for dbmate, the npm package that tools/ locks.

FROM debian:trixie-slim AS dbmate
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates nodejs npm \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /tools
# A network with a certificate authority of its own: put its certificates into tools/extra-ca.pem (git ignores it).
COPY tools/package*.json tools/*.pem ./
ENV NODE_EXTRA_CA_CERTS=/tools/extra-ca.pem
RUN npm ci --ignore-scripts --no-audit --no-fund \
 && cp node_modules/@dbmate/linux-*/bin/dbmate /usr/local/bin/dbmate

FROM debian:trixie-slim AS migrate
COPY --from=dbmate /usr/local/bin/dbmate /usr/local/bin/dbmate
COPY migrations /migrations
ENV DBMATE_MIGRATIONS_DIR=/migrations DBMATE_NO_DUMP_SCHEMA=true
USER nobody
CMD ["dbmate", "--wait", "migrate"]

FROM debian:trixie-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      cmake gcc libc6-dev ninja-build pkg-config \
      libnng-dev libprotobuf-c-dev protobuf-c-compiler libprotobuf-dev protobuf-compiler \
      libhiredis-dev librabbitmq-dev libpq-dev libssl-dev libyyjson-dev libmicrohttpd-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY proto proto
COPY migrations migrations
COPY src src
RUN cmake --preset release -DORDER_TESTS=OFF && cmake --build --preset release

FROM debian:trixie-slim AS runtime
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      libnng1 libprotobuf-c1 libhiredis1.1.0 librabbitmq4 libpq5 libssl3t64 libyyjson0 libmicrohttpd12t64 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/build/release/bin/ /usr/local/bin/
USER nobody
CMD ["order-server"]
