# The program as an image: managers and agents alike.
FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# None of the packages needs its scripts.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim AS page
WORKDIR /app
COPY package.json package-lock.json ./
COPY test/support/client-generator test/support/client-generator
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY src src
COPY bootstrap/page bootstrap/page
RUN node bootstrap/page/build-page.ts

FROM node:24-bookworm-slim
ENV NODE_ENV=production CO_HEALTH_PORT=5010
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY src src
COPY --from=page /app/dist dist
# An agent reaches its engine's socket through this group; nothing in here needs root.
USER 1000:1000
# For managers. An agent serves nothing: its health is its heartbeat, in /node_state.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.CO_HEALTH_PORT}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "src/main.ts"]
CMD ["--help"]
