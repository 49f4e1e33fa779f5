// The S3 export against OpenStack Swift's S3 API: one node of everything in a temporary folder, on loopback, ended with this process.
// Debian: apt-get install --no-install-recommends swift-proxy swift-account swift-container swift-object memcached. Run: node bench/swift-s3.mjs
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { createConnection } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PORTS = { proxy: 18080, account: 16202, container: 16201, object: 16200 };
const LOG_PORT = 16299;
const CACHE_PORT = 16211;
const KEY = "tapedeck:desk";
const SECRET = "testing";
const UP_WITHIN_MS = 60_000;

if (["swift-proxy-server", "swift-ring-builder", "memcached"].some((program) => spawnSync(program, ["--help"]).error !== undefined)) {
  console.error("Swift is not installed: nothing is tested (apt-get install --no-install-recommends swift-proxy swift-account swift-container swift-object memcached)");
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), "tapedeck-swift-"));
const at = (name) => join(folder, name);
mkdirSync(at("node/d1"), { recursive: true });
writeFileSync(at("swift.conf"), "[swift-hash]\nswift_hash_path_suffix = tapedeck\nswift_hash_path_prefix = tapedeck\n\n[storage-policy:0]\nname = gold\ndefault = yes\n");

for (const type of ["account", "container", "object"]) {
  const builder = at(`${type}.builder`);
  const ring = (...argv) => execFileSync("swift-ring-builder", [builder, ...argv], { stdio: "ignore" });
  ring("create", "4", "1", "0");
  ring("add", `r1z1-127.0.0.1:${PORTS[type]}/d1`, "1");
  ring("rebalance");
  writeFileSync(at(`${type}.conf`), `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${PORTS[type]}
workers = 1
user = ${userInfo().username}
swift_dir = ${folder}
devices = ${at("node")}
mount_check = false
disable_fallocate = true
log_name = ${type}
log_udp_host = 127.0.0.1
log_udp_port = ${LOG_PORT}
log_level = WARNING

[pipeline:main]
pipeline = ${type}-server

[app:${type}-server]
use = egg:swift#${type}
`);
}
writeFileSync(at("proxy.conf"), `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${PORTS.proxy}
workers = 2
user = ${userInfo().username}
swift_dir = ${folder}
log_udp_host = 127.0.0.1
log_udp_port = ${LOG_PORT}
log_level = WARNING

[pipeline:main]
pipeline = catch_errors proxy-logging cache listing_formats s3api tempauth bulk slo proxy-logging proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${CACHE_PORT}
[filter:tempauth]
use = egg:swift#tempauth
user_tapedeck_desk = ${SECRET} .admin
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
`);

// Swift only logs to syslog: warnings and errors are shown.
createSocket("udp4").on("message", (line) => { console.error(`swift: ${line.toString("utf8").trim()}`); }).bind(LOG_PORT, "127.0.0.1").unref();

// A group of its own each: the servers start workers, and all of them end with this process.
const start = (program, argv) => spawn(program, argv, { detached: true, stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, SWIFT_CONF_DIR: folder } });
const children = [
  start("memcached", ["-l", "127.0.0.1", "-p", String(CACHE_PORT), "-m", "32", "-u", userInfo().username]),
  ...Object.keys(PORTS).map((type) => start(`swift-${type}-server`, [at(`${type}.conf`)])),
];

function end() {
  for (const child of children) {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  }
  rmSync(folder, { recursive: true, force: true });
}
process.on("exit", end);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const answers = (port) => new Promise((resolve) => {
  const socket = createConnection({ host: "127.0.0.1", port });
  const done = (is) => { socket.destroy(); resolve(is); };
  socket.on("connect", () => done(true)).on("error", () => done(false));
});
const deadline = Date.now() + UP_WITHIN_MS;
for (const [type, port] of Object.entries(PORTS)) {
  while (!(await answers(port))) {
    if (Date.now() > deadline) {
      console.error(`swift-${type}-server did not come up within ${UP_WITHIN_MS / 1_000} s`);
      process.exit(1);
    }
    await new Promise((resolve) => { setTimeout(resolve, 200); });
  }
}

console.error("Swift is up; its S3 API is tested");
const tests = spawn(process.execPath, [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--config", "build/vitest.config.ts", "src/main/lake/s3.test.ts"], {
  cwd: ROOT, stdio: "inherit",
  env: { ...process.env, TAPEDECK_S3_ENDPOINT: `http://127.0.0.1:${PORTS.proxy}`, AWS_ACCESS_KEY_ID: KEY, AWS_SECRET_ACCESS_KEY: SECRET },
});
tests.on("exit", (code) => process.exit(code ?? 1));
