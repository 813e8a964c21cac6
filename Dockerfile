# syntax=docker/dockerfile:1

# Node.js 24 LTS. A mirror or a pinned digest comes in by --build-arg.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Only the compiler is needed here, and it has no install scripts: the embedded PostgreSQL of the tests is not set up.
RUN npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY libs libs
COPY apps apps
# The sandboxes and npm start are not part of the service.
RUN npm run build && rm -rf dist/scripts dist/apps/*-sandbox

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM ${NODE_IMAGE}
WORKDIR /service
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 MANAGEMENT_PORT=3001
COPY package.json LICENSE ./
COPY --from=dependencies /build/node_modules node_modules
COPY libs/store/migrations libs/store/migrations
COPY config/gateway.cedarschema config/gateway.cedarschema
COPY config/policies config/policies
COPY --from=build /build/dist dist
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --start-interval=1s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node.js itself is process 1 and takes SIGTERM. The flag keeps the memory of many downloads low: docs/limits.md.
CMD ["node", "--max-semi-space-size=2", "--enable-source-maps", "dist/apps/gateway/src/main.js"]
